// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>

// What the CPU engine asks of an instruction set. Plain data and function pointers on purpose: the files that
// implement it are compiled for instructions that this machine may lack, so nothing inline of the standard
// library may be instantiated in them (the linker could keep that copy for the whole program).

namespace embed::cpu {

/// Numbers that go into a convolution.
enum class Number { F32, BF16, F16, U8 };

/// Where a convolution's sums go. Rows are output pixels: image · pixels + pixel.
struct ConvOutput {
  std::int64_t channels;      ///< A multiple of Kernels::block.
  std::int64_t pixels;        ///< Of one picture.
  const float* unit;          ///< [channels] what 1 in the sum is worth; null: 1.
  const std::int32_t* start;  ///< [channels] what a sum begins with, for centred kernels; null: 0.
  float* raw;                 ///< [rows][channels] the sum, or null.
  std::int64_t raw_row;       ///< The row that raw[0] belongs to.
  bool add_raw;               ///< First add what stands in raw (the residual).
  std::uint8_t* active;  ///< Padded pictures of the kernels' numbers: max(0, scale·sum + shift), or null.
  std::ptrdiff_t active_image;      ///< Bytes.
  const std::ptrdiff_t* active_at;  ///< [pixels] byte offset of a pixel.
  const float *scale, *shift;       ///< [channels]; both null: the sum as it is.
};

/// Output pixels of a picture whose inputs begin a multiple of one step apart, so that the rows of one tile
/// hold them. Rows between them that belong to no pixel (of the border) are computed and dropped.
struct PixelRun {
  std::int64_t first, count;  ///< Pixels [first, first + count).
  std::int64_t height;        ///< Rows, from the first pixel's to the last one's: at most kRunRows.
  const std::uint8_t* row;    ///< [count] each pixel's row.
};
constexpr std::int64_t kRunRows = 16;

/// One convolution over pictures, as a matrix product whose rows are output pixels: an output pixel is the
/// sum over `taps` runs of `words` words of its input, each run contiguous in memory. A word is what an
/// instruction takes of a pixel for each channel: Kernels::group numbers, most often 32 bits.
struct ConvCall {
  const std::uint8_t* input;         ///< Padded pictures, `input_image` bytes apart.
  std::ptrdiff_t input_image;        ///< Bytes.
  const std::ptrdiff_t* input_at;    ///< [pixels] byte offset of an output pixel's first tap.
  const std::ptrdiff_t* tap_at;      ///< [taps] byte offset from the first tap.
  std::int64_t taps, words;          ///< Runs, and words in each; 32-bit ones: up to 16, or a multiple of 16.
  const std::uint8_t* weights;       ///< [channels / block][taps][words][block] words, 64-byte aligned.
  std::int64_t first_row, last_row;  ///< Rows to compute, [first, last).
  // For kernels that take runs, else null: a picture's, in order. Rows are then asked for in whole runs.
  const PixelRun* runs;
  std::int64_t run_count;
  std::ptrdiff_t run_step;  ///< Bytes from a row of a run to the next.
  ConvOutput to;
};

/// A 3×3 convolution with stride 1 by Winograd's minimal filtering, F(m×m, 3×3) with m = 2 or 4 (Lavin and
/// Gray, "Fast Algorithms for Convolutional Neural Networks", 2016): tiles of (m + 2)² input pixels are
/// transformed, multiplied point by point with transformed weights, summed over the channels, and transformed
/// back to m² output pixels: 2.25 or 4 times fewer multiplications.
struct WinogradCall {
  std::int64_t m;
  const std::uint8_t* input;  ///< Padded pictures; the padding holds the last tiles whole.
  std::ptrdiff_t input_image, input_row, input_pixel;  ///< Bytes.
  std::int64_t words;                                  ///< Of an input pixel.
  // One of them, the other null; 64-byte aligned.
  const std::uint8_t* weights;         ///< Transformed: [channels / block][(m + 2)²][words][block] words.
  const std::uint16_t* filters;        ///< As they are: [channels / block][words · group][9][block] float16.
  std::int64_t height, width;          ///< Of the output, as of the input.
  std::int64_t tiles_across, tiles;    ///< In a row of tiles; in a picture.
  std::int64_t first_tile, last_tile;  ///< image · tiles + tile, [first, last): at most kWinogradTiles.
  std::int64_t first_block, last_block;  ///< Of output channels.
  // Scratch, 64-byte aligned. What has gaps has kPointGap bytes behind each point.
  std::uint8_t* transformed;  ///< [(m + 2)²][tiles][words] words, with gaps.
  std::uint8_t*
      transformed_filters;  ///< [(m + 2)²][filter words][block] words, with gaps; null for `weights`.
  float* products;          ///< [(m + 2)²][tiles][block]
  ConvOutput to;
};

/// Tiles that are transformed at once: enough that a weight which is read serves several rows of the product.
constexpr std::int64_t kWinogradTiles = 32;

/// Bytes of each channel's filters that are transformed at once, whole words: so few that the product finds
/// them in a near cache, and so many that carrying the sums from one lot to the next costs little.
constexpr std::int64_t kFilterBytes = 128;

/// A transform writes to all points at once. Were they a power of two of bytes apart, they would share a few
/// places of the nearest cache and push each other out.
constexpr std::int64_t kPointGap = 64;

/// A row of 3×3 max pooling with stride 2 over the stem's sums, with its batch norm (the scale is in the
/// weights) and ReLU; then the first block's batch norm and ReLU.
struct PoolCall {
  const float* rows[3];  ///< [width][channels] each; the outer ones may be null (outside).
  std::int64_t width, out_width, channels;
  const float* bias;           ///< [channels]
  float* raw;                  ///< [out_width][channels]
  const float *scale, *shift;  ///< [channels]
  std::uint8_t* active;        ///< [out_width][channels] of the kernels' numbers.
};

/// A picture's end: batch norm and ReLU, the mean over the pixels, the dense layer.
struct FinishCall {
  const float* raw;                        ///< [pixels][channels]
  std::int64_t pixels, channels, outputs;  ///< Channels and outputs: multiples of kFinishOutputs.
  const float *scale, *shift;              ///< [channels]
  const float* weights;                    ///< [channels][outputs]
  const float* bias;                       ///< [outputs]
  float* mean;                             ///< Scratch, [channels].
  float* out;                              ///< [outputs]
};
constexpr std::int64_t kFinishOutputs = 128;

struct TrainKernels;  // train_kernels.h
struct TileTrainKernels;

/// The kernels of one instruction set and number. Any thread.
struct Kernels {
  const char* name;  ///< For logs: "avx512-bf16".
  Number number;
  std::int64_t group;   ///< Numbers in a word.
  std::int64_t block;   ///< Output channels that are computed together.
  std::int64_t rows;    ///< Output pixels that are computed together, at most.
  std::int64_t images;  ///< Pictures that share the reading of a large layer's weights, at most.
  bool runs;            ///< Takes its pixels in runs.
  /// Pieces of equal cost that a call falls into.
  std::int64_t (*pieces)(const ConvCall& call);
  /// Computes the pieces [first, last).
  void (*convolve)(const ConvCall& call, std::int64_t first, std::int64_t last);
  /// Null where the numbers do not allow it.
  void (*winograd)(const WinogradCall& call);
  void (*pool)(const PoolCall& call);
  /// out[i] = scale[i] · bytes[i] + shift[i] in the kernels' numbers.
  void (*normalise)(const std::uint8_t* bytes, const float* scale, const float* shift, std::int64_t count,
                    std::uint8_t* out);
  void (*finish)(const FinishCall& call);
  const TrainKernels* train;           ///< Null where the numbers do not allow it.
  const TileTrainKernels* tile_train;  ///< Training without Winograd; null for kernels without tiles.
  /// 8-bit values are stored less 128, as signed bytes, zeros of the padding too: sums begin with 128 times
  /// the weights' sum.
  bool centred = false;
  /// Tiles whose products take as long as transforming their filters in a pass. 0 where that does not count,
  /// for reading larger weights from memory would take longer.
  std::int64_t filter_tiles = 0;
};

/// Bytes of one number.
constexpr std::int64_t size_of(Number number) {
  return number == Number::F32 ? 4 : number == Number::U8 ? 1 : 2;
}

/// Bytes of one word.
constexpr std::int64_t word_bytes(const Kernels& kernels) {
  return kernels.group * size_of(kernels.number);
}

/// Each byte of a zero among the values that go into a convolution.
constexpr std::uint8_t zero_byte(const Kernels& kernels) {
  return kernels.centred ? 0x80 : 0;
}

/// Winograd's tile for a 3×3 convolution with stride 1 over pictures of that size; 0: none, convolve
/// directly. The larger tile multiplies least, but its sums cancel, which bfloat16's eight bits would not
/// survive; and its weights are four times as many as the layer's own: of many channels, reading or making
/// them for every few pictures would cost more than it saves.
std::int64_t winograd_tile(const Kernels& kernels, std::int64_t in, std::int64_t height,
                           std::int64_t width) noexcept;

/// The fastest kernels that this machine can run; null for numbers that none of them takes. Every machine has
/// some for float32.
const Kernels* kernels_for(Number number) noexcept;

/// The fastest that training can use.
const Kernels* train_kernels_for(Number number) noexcept;

// One for each file; null where the compiler does not know the instructions. Whether the machine does is
// runnable_kernels.h's business.
const Kernels* portable_f32() noexcept;  // Never null.
const Kernels* avx2_f32() noexcept;
const Kernels* avx512_f32() noexcept;
const Kernels* avx512_bf16() noexcept;
const Kernels* avx512_u8() noexcept;
const Kernels* amx_bf16() noexcept;
const Kernels* amx_u8() noexcept;
const Kernels* neon_f32() noexcept;
const Kernels* arm_bf16() noexcept;
const Kernels* arm_f16() noexcept;
const Kernels* arm_dot_u8() noexcept;
const Kernels* arm_i8mm_u8() noexcept;

}  // namespace embed::cpu
