// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>

#include "embed/model_info.h"

#ifdef __CUDACC__
#define EMBED_HOST_DEVICE __host__ __device__
#else
#define EMBED_HOST_DEVICE
#endif

struct CUstream_st;  // what CUDA's cudaStream_t points to

/// What is computed between the convolutions. Each step is one pass over memory, and is written twice: as a
/// CUDA kernel (launch_*) and, as its meaning, in plain C++ (on_cpu::*). All pointers of a step are to memory
/// of the one or the other, which the caller owns; pictures lie channels-last.
namespace embed::gpu {

/// A step's working precision. Sums are float32 whatever it is.
enum class Number { F32, BF16, F16 };

using Stream = CUstream_st*;

/// The stem, a 7×7 convolution with stride 2 and 3 pixels of zeros around the picture, is computed as a 4×4
/// one with stride 1 over cells of 2×2 pixels: tensor cores want whole groups of 8 channels, and 12 of 16
/// fill them better than 3 of 4 or of 8. The cells' zeros are in memory: two before a picture, one behind.
namespace cells {
constexpr int kBefore = 2, kBehind = 1, kKernel = 4;
/// Cells along a side of so many pixels, without the zeros.
EMBED_HOST_DEVICE constexpr int along(int pixels) {
  return (pixels + 1) / 2;
}
/// Cells along a side in memory.
EMBED_HOST_DEVICE constexpr int stored(int pixels) {
  return along(pixels) + kBefore + kBehind;
}
/// Channels of a cell: 4 pixels' (upper left, upper right, lower left, lower right), then zeros.
EMBED_HOST_DEVICE constexpr int channels(int picture_channels) {
  return (4 * picture_channels + 7) / 8 * 8;
}
}  // namespace cells

/// Pictures as the stem takes them: `values` are [N, stored(height), stored(width),
/// cells::channels(channels)]. Only the cells of pictures are written: the zeros before and behind are there
/// already.
struct CellGrid {
  void* values = nullptr;
  Number number = Number::F32;
  int height = 0, width = 0, channels = 0;         ///< Of a picture in pixels; 1 or 3 channels.
  const float *scale = nullptr, *shift = nullptr;  ///< [channels]: value = scale · byte + shift.
};

/// [count, height, width, channels] bytes → cells.
struct PackBytes {
  const std::uint8_t* crops = nullptr;
  int count = 0;
  CellGrid out;
};

/// The size of a tensor [pixels, channels]; channels is a multiple of 8, and of 16 bytes all pointers are.
struct Extent {
  Number number = Number::F32;
  std::int64_t pixels = 0;
  int channels = 0;
};

/// values = relu(values + bias), in place.
struct BiasRelu {
  Extent extent;
  void* values = nullptr;
  const float* bias = nullptr;  ///< [channels]
};

/// sum = values + carried; active = relu(scale · sum + shift), of the sum before it is rounded.
struct AddAffineRelu {
  Extent extent;
  const void *values = nullptr, *carried = nullptr;
  const float *scale = nullptr, *shift = nullptr;  ///< [channels]
  void* sum = nullptr;                             ///< Null: not wanted.
  void* active = nullptr;                          ///< This or `sum` may be `values` or `carried`.
};

/// The stem's end: pooled = max over 3×3 with stride 2 and one pixel around of relu(values + bias), and
/// active = relu(scale · pooled + shift). [N, height, width, channels] → [N, (height + 1) / 2, (width + 1) /
/// 2, channels].
struct StemPool {
  Number number = Number::F32;
  const void* values = nullptr;
  int count = 0, height = 0, width = 0, channels = 0;
  const float *bias = nullptr, *scale = nullptr, *shift = nullptr;  ///< [channels]
  void *pooled = nullptr, *active = nullptr;
};

/// The network's end: the mean over the pixels of relu(scale · (values + carried) + shift), the dense layer
/// and the head, in float32. [N, pixels, 512] → [N, 128].
struct Tail {
  static constexpr int kChannels = 512;
  Number number = Number::F32;
  const void *values = nullptr, *carried = nullptr;
  int count = 0, pixels = 0;
  const float *scale = nullptr, *shift = nullptr;              ///< [512]
  const float *dense_weight = nullptr, *dense_bias = nullptr;  ///< [512, 128], [128]
  Head head = Head::L2;
  float* out = nullptr;
};

/// Queue the kernel on the stream of the current device. Throw Error(Device) where it cannot be started; what
/// goes wrong later shows in what waits for the stream. An empty batch is nothing.
void launch(const PackBytes& step, Stream stream);
void launch(const BiasRelu& step, Stream stream);
void launch(const AddAffineRelu& step, Stream stream);
void launch(const StemPool& step, Stream stream);
void launch(const Tail& step, Stream stream);

/// The kernels' twins. Any thread.
namespace on_cpu {
void run(const PackBytes& step);
void run(const BiasRelu& step);
void run(const AddAffineRelu& step);
void run(const StemPool& step);
void run(const Tail& step);
}  // namespace on_cpu

}  // namespace embed::gpu
