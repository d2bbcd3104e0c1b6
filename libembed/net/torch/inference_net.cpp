// SPDX-License-Identifier: LGPL-2.1-or-later
#include "net/torch/inference_net.h"

#include <torch/nn.h>

#include "net/torch/folding.h"

namespace embed {

InferenceNet::InferenceNet(const nn::ResNet18V2& network, const ModelInfo& info, torch::Device device,
                           torch::ScalarType precision)
    : device_(device), precision_(precision), head_(info.head) {
  const auto to_float = [&](const torch::Tensor& values) { return values.to(device, torch::kFloat32); };
  const ScaleShift input = input_scale_shift(network, info.input);
  input_scale_ = to_float(input.scale);
  input_shift_ = to_float(input.shift);

  stem_ = convolution(network->stem_conv, &network->stem_bn);
  for (const auto& stage : {network->stage1, network->stage2, network->stage3, network->stage4}) {
    for (const auto& child : stage->children()) {
      const auto& block = *child->as<nn::BasicBlockV2>();
      blocks_.push_back({affine(block.bn1), convolution(block.conv1, &block.bn2),
                         convolution(block.conv2, nullptr),
                         block.shortcut.is_empty() ? Convolution{} : convolution(block.shortcut, nullptr)});
    }
  }
  last_ = affine(network->final_bn);
  dense_weight_ = to_float(network->dense->weight);
  dense_bias_ = to_float(network->dense->bias);
}

torch::Tensor InferenceNet::placed(const torch::Tensor& values) const {
  return values.to(device_, precision_)
      .contiguous(values.dim() == 4 ? torch::MemoryFormat::ChannelsLast : torch::MemoryFormat::Contiguous);
}

InferenceNet::Affine InferenceNet::affine(const torch::nn::BatchNorm2d& bn) const {
  const ScaleShift values = scale_shift(bn);
  return {placed(values.scale.view({1, -1, 1, 1})), placed(values.shift.view({1, -1, 1, 1}))};
}

InferenceNet::Convolution InferenceNet::convolution(const torch::nn::Conv2d& conv,
                                                    const torch::nn::BatchNorm2d* folded) const {
  Convolution result;
  result.stride = conv->options.stride()->front();
  // Every convolution of this network pads by half its kernel. (The option itself is a variant whose accessor
  // has another name in each LibTorch.)
  result.padding = conv->weight.size(2) / 2;
  if (folded != nullptr) result.bias = placed(scale_shift(*folded).shift);
  result.weight = placed(folded_weights(conv, folded));
  result.pack();
  return result;
}

/// conv2d leaves oneDNN for a single small picture and then takes some twenty times as long with a plain
/// BLAS; and it lays the weights out anew in each call. Asked directly, oneDNN does neither.
void InferenceNet::Convolution::pack() {
  if (!weight.is_cpu() || weight.scalar_type() != torch::kFloat32 || !at::hasMKLDNN()) return;
  packed = torch::mkldnn_reorder_conv2d_weight(weight.to_mkldnn(), {padding, padding}, {stride, stride},
                                               {1, 1}, 1);
}

torch::Tensor InferenceNet::Convolution::operator()(const torch::Tensor& input) const {
  if (packed.defined()) {
    return torch::mkldnn_convolution(input, packed, bias, {padding, padding}, {stride, stride}, {1, 1}, 1);
  }
  return torch::conv2d(input, weight, bias, stride, padding);
}

torch::Tensor InferenceNet::activate(const torch::Tensor& input, const Affine& before) {
  return torch::addcmul(before.shift, input, before.scale).relu_();
}

torch::Tensor InferenceNet::Block::operator()(const torch::Tensor& input) const {
  const torch::Tensor active = activate(input, before);
  const torch::Tensor carried = shortcut.weight.defined() ? shortcut(active) : input;
  return conv2(conv1(active).relu_()).add_(carried);
}

torch::Tensor InferenceNet::forward(const torch::Tensor& crops) const {
  // [N, H, W, C] in memory is [N, C, H, W] in channels-last order: only the numbers change, nothing moves.
  torch::Tensor x = crops.to(device_).to(torch::kFloat32).mul_(input_scale_).add_(input_shift_);
  x = x.to(precision_).permute({0, 3, 1, 2});
  x = torch::max_pool2d(stem_(x).relu_(), /*kernel_size=*/3, /*stride=*/2, /*padding=*/1);
  for (const Block& block : blocks_) x = block(x);
  x = activate(x, last_).to(torch::kFloat32).mean({2, 3});
  x = nn::apply_head(torch::addmm(dense_bias_, x, dense_weight_.t()), head_);
  return x.to(torch::kCPU).contiguous();
}

}  // namespace embed
