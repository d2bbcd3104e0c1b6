// SPDX-License-Identifier: LGPL-2.1-or-later
#include "net/torch/folding.h"

#include <torch/nn.h>

#include "net/cpu/folded_parameters.h"

namespace embed {

namespace {

std::vector<float> values_of(const torch::Tensor& tensor) {
  const torch::Tensor flat = tensor.to(torch::kCPU, torch::kFloat32).contiguous();
  const float* begin = flat.data_ptr<float>();
  return {begin, begin + flat.numel()};
}

}  // namespace

ScaleShift scale_shift(const torch::nn::BatchNorm2d& layer) {
  const torch::Tensor mean = layer->running_mean.to(torch::kFloat64),
                      variance = layer->running_var.to(torch::kFloat64);
  torch::Tensor scale = torch::rsqrt(variance + layer->options.eps());
  if (layer->weight.defined()) scale = scale * layer->weight.to(torch::kFloat64);
  torch::Tensor shift = -mean * scale;
  if (layer->bias.defined()) shift = shift + layer->bias.to(torch::kFloat64);
  return {scale, shift};
}

torch::Tensor folded_weights(const torch::nn::Conv2d& layer, const torch::nn::BatchNorm2d* behind) {
  const torch::Tensor weight = layer->weight.to(torch::kFloat64);
  return behind == nullptr ? weight : weight * scale_shift(*behind).scale.view({-1, 1, 1, 1});
}

ScaleShift input_scale_shift(const nn::ResNet18V2& network, const InputSpec& input) {
  const ScaleShift norm = scale_shift(network->input_bn);
  std::vector<double> scale, shift;
  for (int c = 0; c < input.channels; ++c) {
    const auto i = static_cast<std::size_t>(c);
    scale.push_back(1.0 / (255.0 * input.std[i]));
    shift.push_back(-static_cast<double>(input.mean[i]) / input.std[i]);
  }
  return {norm.scale * torch::tensor(scale, torch::kFloat64),
          norm.scale * torch::tensor(shift, torch::kFloat64) + norm.shift};
}

cpu::NetParameters folded_parameters(const nn::ResNet18V2& network, const ModelInfo& info) {
  const auto parameters = network->named_parameters(), buffers = network->named_buffers();
  return cpu::folded_parameters(
      [&](const std::string& name) {
        const torch::Tensor* found = parameters.find(name);
        return values_of(found != nullptr ? *found : buffers[name]);
      },
      info);
}

}  // namespace embed
