// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <torch/types.h>

#include <vector>

#include "embed/model_info.h"
#include "embed/nn/resnet18_v2.h"

namespace embed {

/// ResNet18-v2 laid out for inference: channels-last weights in the working precision, each batch norm that
/// follows a convolution folded into it, the others (and the input's normalisation) reduced to one
/// multiply-add.
class InferenceNet {
 public:
  InferenceNet(const nn::ResNet18V2& network, const ModelInfo& info, torch::Device device,
               torch::ScalarType precision);

  /// [N, H, W, C] uint8 on the CPU → [N, 128] float32 on the CPU. Call under c10::InferenceMode.
  torch::Tensor forward(const torch::Tensor& crops) const;

 private:
  /// y = scale · x + shift for each channel, as [1, C, 1, 1].
  struct Affine {
    torch::Tensor scale, shift;
  };
  struct Convolution {
    torch::Tensor weight, bias;  // bias undefined where there is none
    torch::Tensor packed;        // weight in oneDNN's own layout; undefined where oneDNN does not run it
    std::int64_t stride, padding;
    void pack();
    torch::Tensor operator()(const torch::Tensor& input) const;
  };
  struct Block {
    Affine before;
    Convolution conv1, conv2, shortcut;  // shortcut.weight undefined where the input is carried as it is
    torch::Tensor operator()(const torch::Tensor& input) const;
  };

  Affine affine(const torch::nn::BatchNorm2d& bn) const;
  Convolution convolution(const torch::nn::Conv2d& conv, const torch::nn::BatchNorm2d* folded) const;
  torch::Tensor placed(const torch::Tensor& values) const;
  static torch::Tensor activate(const torch::Tensor& input, const Affine& before);

  torch::Device device_;
  torch::ScalarType precision_;
  Head head_;
  torch::Tensor input_scale_, input_shift_;  // [C] float32 on the device
  Convolution stem_;
  std::vector<Block> blocks_;
  Affine last_;
  torch::Tensor dense_weight_, dense_bias_;  // [128, 512], [128] float32
};

}  // namespace embed
