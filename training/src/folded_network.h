// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "embed/nn/weights.h"

namespace training {

/// A convolution or the dense layer as it runs in inference.
struct FoldedLayer {
  std::string name;      ///< As in the weights file, without ".weight": "stem_conv", "stage2.0.shortcut".
  torch::Tensor weight;  ///< [out, in, k, k] or, of the dense layer, [out, in]; float32.
  torch::Tensor bias;    ///< [out] float32; undefined where there is none.
  std::int64_t stride = 1, padding = 0;
  bool rectified = true;  ///< The input comes out of a ReLU (or a mean of such): never negative.

  bool is_dense() const { return weight.dim() == 2; }
  /// [N, in, H, W] (dense: [N, in]) float32 → the layer's output with these weights in the place of its own.
  torch::Tensor apply(const torch::Tensor& input, const torch::Tensor& weights) const;
};

/// The inference network with its layers within reach: the graph of libembed's InferenceNet in plain float32
/// on the CPU. Each batch norm behind a convolution (the stem's, and bn2 of every block) is folded into it;
/// those that a pre-activation block puts ahead of its convolutions feed a ReLU, so they stay what they are,
/// one multiply-add. Thread-safe once constructed.
class FoldedNetwork {
 public:
  explicit FoldedNetwork(const embed::nn::LoadedModel& model);

  /// What computes a layer: gets its place in layers() and its input, and returns its output.
  using Compute = std::function<torch::Tensor(std::size_t layer, const torch::Tensor& input)>;

  /// In the order in which they run; the dense layer is the last.
  const std::vector<FoldedLayer>& layers() const noexcept { return layers_; }
  /// [N, H, W, C] uint8 crops → [N, 128] float32, the head applied. Call under NoGradGuard.
  torch::Tensor forward(const torch::Tensor& crops) const;
  torch::Tensor forward(const torch::Tensor& crops, const Compute& compute) const;

 private:
  /// y = scale · x + shift for each channel, as [1, C, 1, 1].
  struct Affine {
    torch::Tensor scale, shift;
    torch::Tensor rectified(const torch::Tensor& input) const;
  };
  struct Block {
    Affine before;
    std::size_t conv1 = 0, conv2 = 0, shortcut = 0;  // Places in layers_
    bool has_shortcut = false;
  };

  std::size_t add(const std::string& name, const torch::nn::Conv2d& conv,
                  const torch::nn::BatchNorm2d* folded);
  static Affine affine(const torch::nn::BatchNorm2d& bn);

  embed::InputSpec input_;
  embed::Head head_;
  Affine first_, last_;
  std::vector<Block> blocks_;
  std::vector<FoldedLayer> layers_;
};

}  // namespace training
