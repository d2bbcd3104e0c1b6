// SPDX-License-Identifier: LGPL-2.1-or-later
#include "net/torch/folding.h"

#include <torch/nn.h>

namespace embed {

namespace {

std::vector<float> values_of(const torch::Tensor& tensor) {
  const torch::Tensor flat = tensor.to(torch::kCPU, torch::kFloat32).contiguous();
  const float* begin = flat.data_ptr<float>();
  return {begin, begin + flat.numel()};
}

cpu::BatchNorm batch_norm(const torch::nn::BatchNorm2d& layer) {
  const ScaleShift folded = scale_shift(layer);
  return {values_of(folded.scale), values_of(folded.shift), values_of(layer->bias),
          values_of(layer->weight.abs())};
}

cpu::ConvWeights convolution(const torch::nn::Conv2d& layer, const torch::nn::BatchNorm2d* behind) {
  return {values_of(folded_weights(layer, behind)), layer->weight.size(0), layer->weight.size(1),
          layer->weight.size(2), layer->options.stride()->front()};
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
  cpu::NetParameters result;
  const ScaleShift input = input_scale_shift(network, info.input);
  result.input_scale = values_of(input.scale);
  result.input_shift = values_of(input.shift);
  result.stem = convolution(network->stem_conv, &network->stem_bn);
  result.stem_shift = values_of(scale_shift(network->stem_bn).shift);
  for (const auto& stage : {network->stage1, network->stage2, network->stage3, network->stage4}) {
    for (const auto& child : stage->children()) {
      const auto& block = *child->as<nn::BasicBlockV2>();
      result.blocks.push_back(
          {batch_norm(block.bn1), convolution(block.conv1, nullptr), batch_norm(block.bn2),
           convolution(block.conv2, nullptr),
           block.shortcut.is_empty() ? cpu::ConvWeights{} : convolution(block.shortcut, nullptr)});
    }
  }
  result.last = batch_norm(network->final_bn);
  // One row for each input: the product is then a sum of rows, which compilers know to vectorise.
  result.dense_weight = values_of(network->dense->weight.t());
  result.dense_bias = values_of(network->dense->bias);
  result.head = info.head;
  return result;
}

}  // namespace embed
