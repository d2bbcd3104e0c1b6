// SPDX-License-Identifier: LGPL-2.1-or-later
#include "learn/sync_batch_norm.h"

#include <torch/csrc/autograd/custom_function.h>

#include <vector>

namespace training {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// All dimensions but the channels'.
std::vector<std::int64_t> others(const torch::Tensor& input) {
  std::vector<std::int64_t> dimensions;
  for (std::int64_t d = 0; d < input.dim(); ++d) {
    if (d != 1) dimensions.push_back(d);
  }
  return dimensions;
}

/// [C] seen as [1, C, 1, …].
torch::Tensor along_channels(const torch::Tensor& values, std::int64_t dimensions) {
  std::vector<std::int64_t> shape(static_cast<std::size_t>(dimensions), 1);
  shape[1] = values.size(0);
  return values.reshape(shape);
}

/// Without weight and bias: those follow by ordinary arithmetic.
class Normalise : public torch::autograd::Function<Normalise> {
 public:
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& input,
                               torch::Tensor running_mean, torch::Tensor running_var, double momentum,
                               double eps, std::int64_t ranks) {
    Ranks& group = *reinterpret_cast<Ranks*>(ranks);
    const std::int64_t channels = input.size(1);
    const auto rows = static_cast<double>(input.numel()) / static_cast<double>(channels);
    // Two passes: the mean first, so that the squares do not cancel.
    torch::Tensor sums = torch::cat({input.sum(others(input)), torch::full({1}, rows, input.options())});
    group.sum(sums);
    const torch::Tensor count = sums[channels];
    const torch::Tensor mean = sums.narrow(0, 0, channels) / count;
    const torch::Tensor centred = input - along_channels(mean, input.dim());
    torch::Tensor squares = centred.square().sum(others(input));
    group.sum(squares);
    const torch::Tensor scale = (squares / count + eps).rsqrt();
    running_mean.lerp_(mean, momentum);
    running_var.lerp_(squares / (count - 1).clamp_min(1), momentum);
    torch::Tensor normal = centred * along_channels(scale, input.dim());
    context->save_for_backward({normal, scale, count});
    context->saved_data["ranks"] = ranks;
    return normal;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    Ranks& group = *reinterpret_cast<Ranks*>(context->saved_data["ranks"].toInt());
    const variable_list saved = context->get_saved_variables();
    const torch::Tensor &normal = saved[0], &scale = saved[1], &count = saved[2], &gradient = gradients[0];
    const std::int64_t channels = normal.size(1), dimensions = normal.dim();
    torch::Tensor sums =
        torch::cat({gradient.sum(others(gradient)), (gradient * normal).sum(others(gradient))});
    group.sum(sums);
    sums = sums / count;
    const torch::Tensor of_input = (gradient - along_channels(sums.narrow(0, 0, channels), dimensions) -
                                    normal * along_channels(sums.narrow(0, channels, channels), dimensions)) *
                                   along_channels(scale, dimensions);
    return {of_input, {}, {}, {}, {}, {}};
  }
};

}  // namespace

torch::Tensor sync_batch_norm(Ranks& ranks, const torch::Tensor& input, const torch::Tensor& weight,
                              const torch::Tensor& bias, torch::Tensor running_mean,
                              torch::Tensor running_var, double momentum, double eps) {
  const torch::Tensor normal = Normalise::apply(input.to(torch::kFloat32), running_mean, running_var,
                                                momentum, eps, reinterpret_cast<std::int64_t>(&ranks));
  const torch::Tensor output =
      weight.defined() ? normal * along_channels(weight, input.dim()) + along_channels(bias, input.dim())
                       : normal;
  return output.to(input.scalar_type());
}

}  // namespace training
