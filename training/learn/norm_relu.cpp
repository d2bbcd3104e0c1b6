// SPDX-License-Identifier: LGPL-2.1-or-later
#include "learn/norm_relu.h"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <vector>

#include "learn/cpu_kernels.h"

namespace training {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Rows that are worth a thread.
constexpr std::int64_t kGrain = 256;

/// A channels-last tensor as [rows, channels].
struct Matrix {
  explicit Matrix(const torch::Tensor& tensor)
      : channels(tensor.size(1)), rows(tensor.numel() / tensor.size(1)), data(tensor.data_ptr()) {}
  template <typename T>
  T* row(std::int64_t index) const {
    return static_cast<T*>(data) + index * channels;
  }

  std::int64_t channels, rows;
  void* data;
};

/// Calls work(T()) with the element type of the kernels.
template <typename Work>
void with_type(const torch::Tensor& tensor, Work work) {
  if (tensor.scalar_type() == torch::kFloat32) {
    work(float());
  } else {
    work(kernels::Bf16());
  }
}

template <typename Work>
void over_rows(const Matrix& matrix, Work work) {
  at::parallel_for(0, matrix.rows, kGrain, work);
}

/// Two sums a channel that threads add up side by side: shares of fixed size, added in their order.
template <typename Work>
std::pair<std::vector<double>, std::vector<double>> channel_sums(const Matrix& matrix, Work work) {
  const auto channels = static_cast<std::size_t>(matrix.channels);
  const std::int64_t threads = at::get_num_threads();
  const std::int64_t share = std::max(kGrain, (matrix.rows + threads - 1) / threads);
  const std::int64_t shares = (matrix.rows + share - 1) / share;
  std::vector<double> first(channels * static_cast<std::size_t>(shares)), second(first.size());
  at::parallel_for(0, shares, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const auto place = static_cast<std::size_t>(i) * channels;
      work(i * share, std::min(share, matrix.rows - i * share), first.data() + place, second.data() + place);
    }
  });
  for (std::size_t i = channels; i < first.size(); ++i) {
    first[i % channels] += first[i];
    second[i % channels] += second[i];
  }
  first.resize(channels);
  second.resize(channels);
  return {std::move(first), std::move(second)};
}

class NormRelu : public torch::autograd::Function<NormRelu> {
 public:
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& input,
                               const torch::Tensor& weight, const torch::Tensor& bias,
                               torch::Tensor running_mean, torch::Tensor running_var, double momentum,
                               double eps, bool relu) {
    const torch::Tensor x = input.contiguous(torch::MemoryFormat::ChannelsLast);
    const Matrix matrix(x);
    const auto floats = running_mean.options();
    // Its first row: nearer to the mean than zero is.
    const torch::Tensor shift = x.select(0, 0).select(1, 0).select(1, 0).to(torch::kFloat32).contiguous();
    std::pair<std::vector<double>, std::vector<double>> sums;
    with_type(x, [&](auto type) {
      using T = decltype(type);
      sums = channel_sums(matrix, [&](std::int64_t first, std::int64_t count, double* sum, double* square) {
        kernels::add_moments(matrix.row<const T>(first), static_cast<std::size_t>(count),
                             static_cast<std::size_t>(matrix.channels), shift.data_ptr<float>(), sum, square);
      });
    });
    torch::Tensor table = torch::empty({4, matrix.channels}, floats);  // mean, 1/σ, factor, offset
    fill_table(table, sums, shift, weight, bias, matrix.rows, eps, running_mean, running_var, momentum);
    torch::Tensor y = torch::empty_like(x);
    const Matrix target(y);
    const float *factor = table[2].data_ptr<float>(), *offset = table[3].data_ptr<float>();
    with_type(x, [&](auto type) {
      using T = decltype(type);
      over_rows(matrix, [&](std::int64_t begin, std::int64_t end) {
        kernels::scale_shift(matrix.row<const T>(begin), static_cast<std::size_t>(end - begin),
                             static_cast<std::size_t>(matrix.channels), factor, offset, relu,
                             target.row<T>(begin));
      });
    });
    context->save_for_backward({x, table});
    context->saved_data["relu"] = relu;
    return y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const torch::Tensor &x = saved[0], &table = saved[1];
    const bool relu = context->saved_data["relu"].toBool();
    const torch::Tensor slope =
        gradients[0].to(x.scalar_type()).contiguous(torch::MemoryFormat::ChannelsLast);
    const Matrix matrix(x), slopes(slope);
    const auto channels = static_cast<std::size_t>(matrix.channels);
    const kernels::Channels channel{table[2].data_ptr<float>(), table[3].data_ptr<float>(),
                                    table[0].data_ptr<float>()};
    std::pair<std::vector<double>, std::vector<double>> sums;
    with_type(x, [&](auto type) {
      using T = decltype(type);
      sums = channel_sums(matrix, [&](std::int64_t first, std::int64_t count, double* sum, double* product) {
        kernels::add_gradient_sums(matrix.row<const T>(first), slopes.row<const T>(first),
                                   static_cast<std::size_t>(count), channels, channel, relu, sum, product);
      });
    });
    torch::Tensor of_weight = torch::empty({matrix.channels}, table.options());
    torch::Tensor of_bias = torch::empty({matrix.channels}, table.options());
    std::vector<float> a(channels), b(channels), c(channels);
    const float *mean = channel.mean, *scale = table[1].data_ptr<float>(), *factor = channel.factor;
    for (std::size_t i = 0; i < channels; ++i) {
      const double inverse = static_cast<double>(scale[i]), rows = static_cast<double>(matrix.rows);
      const double product = sums.second[i] * inverse;  // Σ g·x̂
      of_weight.data_ptr<float>()[i] = static_cast<float>(product);
      of_bias.data_ptr<float>()[i] = static_cast<float>(sums.first[i]);
      // dx = γ/σ·(g − Σg/R − x̂·Σ(g·x̂)/R), sorted by g, x and 1.
      a[i] = factor[i];
      const double by_x = -static_cast<double>(factor[i]) * inverse * product / rows;
      b[i] = static_cast<float>(by_x);
      c[i] = static_cast<float>(-static_cast<double>(factor[i]) * sums.first[i] / rows -
                                by_x * static_cast<double>(mean[i]));
    }
    torch::Tensor of_input = torch::empty_like(x);
    const Matrix target(of_input);
    with_type(x, [&](auto type) {
      using T = decltype(type);
      over_rows(matrix, [&](std::int64_t begin, std::int64_t end) {
        kernels::input_gradient(matrix.row<const T>(begin), slopes.row<const T>(begin),
                                static_cast<std::size_t>(end - begin), channels, channel, relu, a.data(),
                                b.data(), c.data(), target.row<T>(begin));
      });
    });
    return {of_input, of_weight, of_bias, {}, {}, {}, {}, {}};
  }

 private:
  static void fill_table(torch::Tensor& table,
                         const std::pair<std::vector<double>, std::vector<double>>& sums,
                         const torch::Tensor& shift, const torch::Tensor& weight, const torch::Tensor& bias,
                         std::int64_t rows, double eps, torch::Tensor& running_mean,
                         torch::Tensor& running_var, double momentum) {
    const std::int64_t channels = table.size(1);
    float* numbers = table.data_ptr<float>();
    for (std::int64_t i = 0; i < channels; ++i) {
      const auto at = static_cast<std::size_t>(i);
      const double count = static_cast<double>(rows), moved = sums.first[at] / count;
      const double mean = moved + static_cast<double>(shift.data_ptr<float>()[i]);
      const double variance = std::max(0.0, sums.second[at] / count - moved * moved);
      const double inverse = 1 / std::sqrt(variance + eps);
      const double factor = inverse * static_cast<double>(weight.data_ptr<float>()[i]);
      const double base = static_cast<double>(bias.data_ptr<float>()[i]);
      numbers[i] = static_cast<float>(mean);
      numbers[channels + i] = static_cast<float>(inverse);
      numbers[2 * channels + i] = static_cast<float>(factor);
      numbers[3 * channels + i] = static_cast<float>(base - mean * factor);
      float &old_mean = running_mean.data_ptr<float>()[i], &old_var = running_var.data_ptr<float>()[i];
      old_mean += static_cast<float>(momentum * (mean - static_cast<double>(old_mean)));
      const double unbiased = rows > 1 ? variance * count / (count - 1) : variance;
      old_var += static_cast<float>(momentum * (unbiased - static_cast<double>(old_var)));
    }
  }
};

}  // namespace

torch::Tensor norm_relu(torch::nn::BatchNorm2dImpl& layer, const torch::Tensor& input, bool relu) {
  const bool ours = input.is_cpu() && input.dim() == 4 && input.numel() > 0 &&
                    (input.scalar_type() == torch::kFloat32 || input.scalar_type() == torch::kBFloat16);
  if (ours) {
    // LibTorch 1.13 takes no undefined tensors here.
    const bool affine = layer.weight.defined();
    return NormRelu::apply(input, affine ? layer.weight : torch::ones_like(layer.running_mean),
                           affine ? layer.bias : torch::zeros_like(layer.running_mean), layer.running_mean,
                           layer.running_var, *layer.options.momentum(), layer.options.eps(), relu);
  }
  torch::Tensor output = layer.forward(input);
  return relu ? output.relu_() : output;
}

}  // namespace training
