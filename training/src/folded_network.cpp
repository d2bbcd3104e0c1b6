// SPDX-License-Identifier: LGPL-2.1-or-later
#include "folded_network.h"

#include <torch/nn.h>

namespace training {

namespace {

struct ScaleShift {
  torch::Tensor scale, shift;  // [C] float64
};

/// A batch norm with fixed statistics is scale · x + shift (Ioffe and Szegedy 2015). In double, so that what
/// is folded is rounded once.
ScaleShift scale_shift(const torch::nn::BatchNorm2d& bn) {
  torch::Tensor scale = torch::rsqrt(bn->running_var.to(torch::kFloat64) + bn->options.eps());
  if (bn->weight.defined()) scale = scale * bn->weight.to(torch::kFloat64);
  torch::Tensor shift = -bn->running_mean.to(torch::kFloat64) * scale;
  if (bn->bias.defined()) shift = shift + bn->bias.to(torch::kFloat64);
  return {scale, shift};
}

torch::Tensor settled(const torch::Tensor& values) {
  return values.detach().to(torch::kCPU, torch::kFloat32).contiguous();
}

}  // namespace

torch::Tensor FoldedLayer::apply(const torch::Tensor& input, const torch::Tensor& weights) const {
  if (is_dense()) return torch::addmm(bias, input, weights.t());
  return torch::conv2d(input, weights, bias, stride, padding);
}

torch::Tensor FoldedNetwork::Affine::rectified(const torch::Tensor& input) const {
  return torch::addcmul(shift, input, scale).relu_();
}

FoldedNetwork::FoldedNetwork(const embed::nn::LoadedModel& model)
    : input_(model.info.input), head_(model.info.head) {
  const torch::NoGradGuard no_grad;
  embed::nn::ResNet18V2 network = model.network;
  // Not folded into the stem, whose zero padding stands for zeros behind this batch norm.
  first_ = affine(network->input_bn);
  add("stem_conv", network->stem_conv, &network->stem_bn);
  layers_.back().rectified = false;
  int number = 0;
  for (torch::nn::Sequential stage : {network->stage1, network->stage2, network->stage3, network->stage4}) {
    const std::string prefix = "stage" + std::to_string(++number) + ".";
    int place = 0;
    for (torch::nn::AnyModule& child : *stage) {
      auto& block = child.get<embed::nn::BasicBlockV2Impl>();
      const std::string name = prefix + std::to_string(place++) + ".";
      Block folded;
      folded.before = affine(block.bn1);
      folded.has_shortcut = !block.shortcut.is_empty();
      if (folded.has_shortcut) folded.shortcut = add(name + "shortcut", block.shortcut, nullptr);
      folded.conv1 = add(name + "conv1", block.conv1, &block.bn2);
      folded.conv2 = add(name + "conv2", block.conv2, nullptr);
      blocks_.push_back(folded);
    }
  }
  last_ = affine(network->final_bn);
  FoldedLayer dense;
  dense.name = "dense";
  dense.weight = settled(network->dense->weight);
  dense.bias = settled(network->dense->bias);
  layers_.push_back(dense);
}

std::size_t FoldedNetwork::add(const std::string& name, const torch::nn::Conv2d& conv,
                               const torch::nn::BatchNorm2d* folded) {
  FoldedLayer layer;
  layer.name = name;
  layer.stride = conv->options.stride()->front();
  layer.padding = conv->weight.size(2) / 2;  // As every convolution of this network.
  torch::Tensor weight = conv->weight.to(torch::kFloat64);
  if (folded != nullptr) {
    const ScaleShift values = scale_shift(*folded);
    weight = weight * values.scale.view({-1, 1, 1, 1});
    layer.bias = settled(values.shift);
  }
  layer.weight = settled(weight);
  layers_.push_back(layer);
  return layers_.size() - 1;
}

FoldedNetwork::Affine FoldedNetwork::affine(const torch::nn::BatchNorm2d& bn) {
  const ScaleShift values = scale_shift(bn);
  return {settled(values.scale.view({1, -1, 1, 1})), settled(values.shift.view({1, -1, 1, 1}))};
}

torch::Tensor FoldedNetwork::forward(const torch::Tensor& crops) const {
  return forward(crops, [this](std::size_t layer, const torch::Tensor& input) {
    return layers_[layer].apply(input, layers_[layer].weight);
  });
}

torch::Tensor FoldedNetwork::forward(const torch::Tensor& crops, const Compute& compute) const {
  torch::Tensor x = torch::addcmul(first_.shift, embed::nn::normalise(crops, input_), first_.scale);
  x = torch::max_pool2d(compute(0, x).relu_(), /*kernel_size=*/3, /*stride=*/2, /*padding=*/1);
  for (const Block& block : blocks_) {
    const torch::Tensor active = block.before.rectified(x);
    const torch::Tensor carried = block.has_shortcut ? compute(block.shortcut, active) : x;
    x = compute(block.conv2, compute(block.conv1, active).relu_()).add_(carried);
  }
  x = last_.rectified(x).mean({2, 3});
  return embed::nn::apply_head(compute(layers_.size() - 1, x), head_);
}

}  // namespace training
