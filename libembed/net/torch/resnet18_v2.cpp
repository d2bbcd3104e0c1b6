// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/nn/resnet18_v2.h"

#include <torch/csrc/autograd/custom_function.h>
#include <torch/nn.h>

namespace embed::nn {

namespace {

/// LibTorch draws first weights for every layer it makes, which for all of this network takes longer than the
/// draw that counts: the layer is made for one channel, and then gets the weights of the size it has.
torch::nn::Conv2d conv(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride,
                       std::int64_t padding, FirstWeights first) {
  torch::nn::Conv2d layer(torch::nn::Conv2dOptions(1, 1, kernel).stride(stride).padding(padding).bias(false));
  layer->options.in_channels(in).out_channels(out);
  const torch::Tensor weight = torch::empty({out, in, kernel, kernel});
  if (first == FirstWeights::Drawn)
    torch::nn::init::kaiming_normal_(weight, 0.0, torch::kFanOut, torch::kReLU);
  layer->weight.set_data(weight);
  return layer;
}

/// The middle of 3×3 kernels, [out, in, 1, 1]. Its gradient is laid out as the weights are, in one pass.
class MiddleTap : public torch::autograd::Function<MiddleTap> {
 public:
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& weight) {
    context->saved_data["channels_last"] = weight.is_contiguous(torch::MemoryFormat::ChannelsLast);
    return weight.slice(2, 1, 2).slice(3, 1, 2).clone();
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const torch::Tensor& middle = gradients[0];
    torch::Tensor gradient =
        torch::empty({middle.size(0), middle.size(1), 3, 3},
                     middle.options().memory_format(context->saved_data["channels_last"].toBool()
                                                        ? torch::MemoryFormat::ChannelsLast
                                                        : torch::MemoryFormat::Contiguous));
    gradient.zero_();
    gradient.slice(2, 1, 2).slice(3, 1, 2).copy_(middle);
    return {gradient};
  }
};

torch::nn::BatchNorm2d batch_norm(std::int64_t channels, bool affine = true) {
  return torch::nn::BatchNorm2d(
      torch::nn::BatchNorm2dOptions(channels).eps(1e-5).momentum(0.1).affine(affine));
}

torch::nn::Sequential stage(std::int64_t in, std::int64_t out, std::int64_t stride, FirstWeights first) {
  return torch::nn::Sequential(BasicBlockV2(in, out, stride, first), BasicBlockV2(out, out, 1, first));
}

torch::Tensor normed(torch::nn::BatchNorm2d& layer, const torch::Tensor& input, bool relu,
                     const BatchNormFunction& function) {
  if (function && layer->is_training()) return function(*layer, input, relu);
  return relu ? layer(input).relu_() : layer(input);
}

}  // namespace

BasicBlockV2Impl::BasicBlockV2Impl(std::int64_t in_channels, std::int64_t out_channels, std::int64_t stride,
                                   FirstWeights first) {
  bn1 = register_module("bn1", batch_norm(in_channels));
  conv1 = register_module("conv1", conv(in_channels, out_channels, 3, stride, 1, first));
  bn2 = register_module("bn2", batch_norm(out_channels));
  conv2 = register_module("conv2", conv(out_channels, out_channels, 3, 1, 1, first));
  if (stride != 1 || in_channels != out_channels) {
    shortcut = register_module("shortcut", conv(in_channels, out_channels, 1, stride, 0, first));
  }
}

torch::Tensor BasicBlockV2Impl::forward(const torch::Tensor& input) {
  const torch::Tensor active = normed(bn1, input, true, batch_norm_);
  const torch::Tensor carried = shortcut.is_empty() ? input : shortcut(active);
  return convolved(conv2, normed(bn2, convolved(conv1, active), true, batch_norm_)).add_(carried);
}

torch::Tensor BasicBlockV2Impl::convolved(torch::nn::Conv2d& layer, const torch::Tensor& input) {
  if (!is_training()) return layer(input);
  const auto stride = layer->options.stride();
  if (input.size(2) > 1 || input.size(3) > 1)
    return convolution_ && stride->front() == 1 ? convolution_(input, layer->weight) : layer(input);
  // Around a single pixel there is padding alone: only the middle of the kernel meets it, a ninth of the
  // weights; in the last stage, which has most of them, that is so for pictures of up to 32 pixels. For the
  // rest of the kernel LibTorch 1.13's bfloat16 convolutions would hand out memory that nobody wrote as the
  // gradient.
  return torch::conv2d(input, MiddleTap::apply(layer->weight), {}, stride);
}

ResNet18V2Impl::ResNet18V2Impl(const ResNet18V2Options& options) : options_(options) {
  input_bn = register_module("input_bn", batch_norm(options.in_channels, /*affine=*/false));
  stem_conv = register_module("stem_conv", conv(options.in_channels, 64, 7, 2, 3, options.first_weights));
  stem_bn = register_module("stem_bn", batch_norm(64));
  stage1 = register_module("stage1", stage(64, 64, 1, options.first_weights));
  stage2 = register_module("stage2", stage(64, 128, 2, options.first_weights));
  stage3 = register_module("stage3", stage(128, 256, 2, options.first_weights));
  stage4 = register_module("stage4", stage(256, 512, 2, options.first_weights));
  final_bn = register_module("final_bn", batch_norm(512));
  dense = register_module("dense", torch::nn::Linear(512, options.embedding_dim));
  torch::nn::init::xavier_uniform_(dense->weight);
  torch::nn::init::zeros_(dense->bias);
}

void ResNet18V2Impl::set_batch_norm(const BatchNormFunction& function) {
  batch_norm_ = function;
  for (torch::nn::Sequential stage : {stage1, stage2, stage3, stage4}) {
    for (torch::nn::AnyModule& block : *stage) block.get<BasicBlockV2Impl>().set_batch_norm(function);
  }
}

void ResNet18V2Impl::set_convolution(const ConvolutionFunction& function) {
  for (torch::nn::Sequential stage : {stage1, stage2, stage3, stage4}) {
    for (torch::nn::AnyModule& block : *stage) block.get<BasicBlockV2Impl>().set_convolution(function);
  }
}

torch::Tensor ResNet18V2Impl::features(const torch::Tensor& input) {
  torch::Tensor x = stem_conv(normed(input_bn, input, false, batch_norm_));
  x = normed(stem_bn, x, true, batch_norm_);
  x = torch::max_pool2d(x, /*kernel_size=*/3, /*stride=*/2, /*padding=*/1);
  x = stage4->forward(stage3->forward(stage2->forward(stage1->forward(x))));
  return normed(final_bn, x, true, batch_norm_).mean({2, 3});
}

torch::Tensor ResNet18V2Impl::forward(const torch::Tensor& input) {
  return apply_head(dense(features(input)), options_.head);
}

torch::Tensor apply_head(const torch::Tensor& values, Head head) {
  switch (head) {
    case Head::Sigmoid:
      return torch::sigmoid(values);
    case Head::L2:
      return torch::nn::functional::normalize(values,
                                              torch::nn::functional::NormalizeFuncOptions().p(2).dim(1));
    case Head::Linear:
      break;
  }
  return values;
}

torch::Tensor normalise(const torch::Tensor& crops, const InputSpec& input) {
  const auto options = torch::TensorOptions().dtype(torch::kFloat32).device(crops.device());
  const std::int64_t channels = crops.size(3);
  std::array<float, 3> scale{}, shift{};
  for (std::size_t c = 0; c < 3; ++c) {
    scale[c] = 1.0F / (255.0F * input.std[c]);
    shift[c] = -input.mean[c] / input.std[c];
  }
  // Without waiting for the device: numbers this few are taken out of their memory before the call returns.
  const auto row = [&](std::array<float, 3>& values) {
    return torch::from_blob(values.data(), {channels}, torch::kFloat32).to(options, /*non_blocking=*/true);
  };
  // [N, H, W, C] contiguous seen as [N, C, H, W] is channels-last memory: no data moves.
  return crops.to(torch::kFloat32).mul_(row(scale)).add_(row(shift)).permute({0, 3, 1, 2});
}

}  // namespace embed::nn
