// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <vector>

#include "net/cpu/net_parameters.h"
#include "net/cuda/net_steps.h"

namespace embed::gpu {

/// ResNet18-v2 as LibTorch's convolutions with the steps of net_steps.h between them. On a CUDA device the
/// steps are our kernels; on the CPU, where it serves the tests, their twins. const members are thread-safe.
class FusedNet {
 public:
  /// Who adds the bias and applies the ReLU behind a block's first convolution: a kernel of ours, or cuDNN in
  /// the convolution itself (CUDA only). Which one is faster depends on the card and the batch.
  enum class Relu { Own, Cudnn };

  FusedNet(const cpu::NetParameters& parameters, const InputSpec& input, torch::Device device, Number number);

  /// Room for the input of a batch, [batch, rows, columns, channels]; zeros, which CellGrid's steps rely on.
  torch::Tensor make_cells(std::int64_t batch) const;
  /// How bytes become the values of such a tensor.
  CellGrid grid(const torch::Tensor& cells) const;

  /// Cells of n pictures → `out`, [n, 128] float32, contiguous. Queued on `stream`, which is the current one;
  /// it is ignored on the CPU. Call under c10::InferenceMode. Throws c10::Error, Error(Device).
  void forward(const torch::Tensor& cells, torch::Tensor& out, Relu relu, Stream stream) const;

 private:
  /// On the device: what a batch norm multiplies with and adds, [C] float32.
  struct Affine {
    torch::Tensor scale, shift;
  };
  struct Block {
    Affine before;
    torch::Tensor first, second, shortcut;  // Weights; shortcut is undefined where there is none.
    torch::Tensor bias, cudnn_bias;         // Of the first: [C] float32, and in the working precision.
    std::int64_t stride = 1;
  };

  torch::Tensor floats(const std::vector<float>& values) const;
  /// `scale` [out]: the batch norm's that follows, empty: 1.
  torch::Tensor weights(const cpu::ConvWeights& conv, const std::vector<float>& scale = {}) const;
  torch::Tensor stem_weights(const cpu::ConvWeights& stem) const;
  Affine affine(const cpu::BatchNorm& norm) const;

  torch::Tensor first_half(const Block& block, const torch::Tensor& active, const torch::Tensor& carried,
                           Relu relu, Stream stream) const;
  Extent extent(const torch::Tensor& tensor) const;
  template <typename Step>
  void run(const Step& step, Stream stream) const;

  torch::Device device_;
  Number number_;
  int height_, width_, channels_;
  Affine input_;
  torch::Tensor stem_, stem_bias_;
  std::vector<Block> blocks_;
  Affine last_;
  torch::Tensor dense_weight_, dense_bias_;
  Head head_;
};

/// The tensor type of a number, and back. The latter throws Error(Unsupported) for any other type.
torch::ScalarType tensor_type(Number number);
Number number_of(torch::ScalarType type);

}  // namespace embed::gpu
