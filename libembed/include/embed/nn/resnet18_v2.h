// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <torch/nn.h>

#include <functional>

#include "embed/embedding.h"
#include "embed/model_info.h"

namespace embed::nn {

/// Computes a batch norm layer in training mode, and with `relu` the ReLU behind it, in the place of the
/// layers themselves, for example with the statistics of several processes. Nothing else may refer to the
/// memory of the result.
using BatchNormFunction =
    std::function<torch::Tensor(torch::nn::BatchNorm2dImpl& layer, const torch::Tensor& input, bool relu)>;

/// Computes a block's 3×3 convolution with stride 1 in training mode, in the place of the layer itself, where
/// the images have more than one pixel.
using ConvolutionFunction =
    std::function<torch::Tensor(const torch::Tensor& input, const torch::Tensor& weight)>;

/// What the weights of a network are that was just made.
enum class FirstWeights {
  Drawn,     ///< Convolutions He-normal (fan-out), dense Xavier-uniform, from LibTorch's global generator.
  Undefined  ///< What the memory holds: for who writes all of them before they are read, e.g. from a file.
};

/// The basic pre-activation block (He et al., "Identity Mappings in Deep Residual Networks", 2016):
/// BN → ReLU → conv 3×3 (stride) → BN → ReLU → conv 3×3, plus the shortcut. Where the shape changes, the
/// shortcut is a 1×1 convolution of the input *after* the first BN and ReLU; else it is the raw input.
class BasicBlockV2Impl : public torch::nn::Module {
 public:
  BasicBlockV2Impl(std::int64_t in_channels, std::int64_t out_channels, std::int64_t stride,
                   FirstWeights first = FirstWeights::Drawn);
  /// [N, in, H, W] float → [N, out, ceil(H/stride), ceil(W/stride)].
  torch::Tensor forward(const torch::Tensor& input);
  /// See ResNet18V2Impl::set_batch_norm.
  void set_batch_norm(const BatchNormFunction& function) { batch_norm_ = function; }
  void set_convolution(const ConvolutionFunction& function) { convolution_ = function; }

  torch::nn::BatchNorm2d bn1{nullptr}, bn2{nullptr};
  torch::nn::Conv2d conv1{nullptr}, conv2{nullptr},
      shortcut{nullptr};  ///< shortcut is empty where not needed.

 private:
  torch::Tensor convolved(torch::nn::Conv2d& layer, const torch::Tensor& input);

  BatchNormFunction batch_norm_;
  ConvolutionFunction convolution_;
};
TORCH_MODULE(BasicBlockV2);

struct ResNet18V2Options {
  std::int64_t in_channels = 3;                ///< 1 or 3.
  std::int64_t embedding_dim = kEmbeddingDim;  ///< Width of the dense layer.
  Head head = Head::L2;
  FirstWeights first_weights = FirstWeights::Drawn;  ///< The dense layer's are drawn in any case.
};

/// ResNet18-v2 → dense with bias → head: the founding note's embedder, layer for layer. With 3 channels:
/// 11,240,512 trainable parameters and 7,942 running statistics. Every batch norm has eps 1e-5 and momentum
/// 0.1; the one on the input has neither weight nor bias.
class ResNet18V2Impl : public torch::nn::Module {
 public:
  explicit ResNet18V2Impl(const ResNet18V2Options& options = {});

  /// [N, C, H, W] float (already divided by 255, mean and std applied), H and W ≥ 16 → [N, embedding_dim].
  torch::Tensor forward(const torch::Tensor& input);
  /// [N, C, H, W] → [N, 512]: after the global average pool.
  torch::Tensor features(const torch::Tensor& input);

  /// Sets what computes every batch norm in training mode from now on; empty: the layers themselves.
  void set_batch_norm(const BatchNormFunction& function);
  /// Sets what computes every 3×3 convolution with stride 1 in training mode from now on; empty: the layers.
  void set_convolution(const ConvolutionFunction& function);

  const ResNet18V2Options& options() const noexcept { return options_; }

  torch::nn::BatchNorm2d input_bn{nullptr}, stem_bn{nullptr}, final_bn{nullptr};
  torch::nn::Conv2d stem_conv{nullptr};
  torch::nn::Sequential stage1{nullptr}, stage2{nullptr}, stage3{nullptr}, stage4{nullptr};
  torch::nn::Linear dense{nullptr};

 private:
  ResNet18V2Options options_;
  BatchNormFunction batch_norm_;
};
TORCH_MODULE(ResNet18V2);

/// The head alone: [N, D] → [N, D].
torch::Tensor apply_head(const torch::Tensor& values, Head head);

/// Bytes to network input: [N, H, W, C] uint8 → [N, C, H, W] float32 in channels-last memory,
/// (value / 255 − mean) / std. Same device as the input.
torch::Tensor normalise(const torch::Tensor& crops, const InputSpec& input);

}  // namespace embed::nn
