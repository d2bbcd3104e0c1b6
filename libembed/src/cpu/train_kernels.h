// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>

namespace embed::cpu {

/// The transform of a 3×3 convolution's weights, G w Gᵀ.
struct WeightsCall {
  std::int64_t m;
  const float* weights;                ///< Those of neighbouring output channels are neighbours in memory.
  std::int64_t tap_stride, in_stride;  ///< Floats from a tap (in rows) and from an input channel to the next.
  std::int64_t in, out;                ///< Channels.
  bool flip;                           ///< Taps in reverse, as the gradient of the input needs them.
  std::uint8_t* packed;                ///< WinogradCall::weights
};

/// The gradient of the weights of a 3×3 convolution with stride 1, by Winograd's filtering: with U = G w Gᵀ
/// the transformed weights, the transformed input V and the transformed gradient of the output Z = A dY Aᵀ of
/// every tile, dU = Σ V·Z at each of the (m + 2)² points, and dw = Gᵀ dU G. Tiles go in groups of as many as
/// there are numbers in a word: the sum over them is what the kernels' instructions take in words.
struct GradientCall {
  std::int64_t m;
  const std::uint8_t* input;  ///< Padded pictures of `in` channels, from the border on.
  std::ptrdiff_t input_image, input_row, input_pixel;  ///< Bytes.
  const std::uint8_t*
      slope;  ///< The output's gradient: padded pictures of `out` channels, from the first pixel.
  std::ptrdiff_t slope_image, slope_row, slope_pixel;
  const std::uint8_t* no_slope;      ///< A picture of zeros, laid out as those of `slope`.
  std::int64_t in, out;              ///< Channels.
  std::int64_t tiles_across, tiles;  ///< In a row of tiles; in a picture.
  std::int64_t all_tiles;            ///< Of all pictures in this call.
  std::int64_t groups;               ///< Of tiles: all_tiles / group, rounded up.
  std::uint8_t* inputs;              ///< [(m + 2)²][groups][in] words, 64-byte aligned.
  std::uint8_t* slopes;              ///< [(m + 2)²][out / block][groups][block] words, 64-byte aligned.
  float* sums;                       ///< dU: [(m + 2)²][in][out]
  bool add;                          ///< To what stands in sums.
};

/// What training needs of an instruction set besides Kernels: all for 3×3 convolutions with stride 1. Any
/// thread; ranges that do not overlap may be computed at once.
struct TrainKernels {
  /// For the input channels [first, last), whole groups.
  void (*transform_weights)(const WeightsCall& call, std::int64_t first, std::int64_t last);
  /// Fills inputs and slopes for the groups [first, last).
  void (*transform_gradient)(const GradientCall& call, std::int64_t first, std::int64_t last);
  /// sums at the points [first, last).
  void (*multiply_gradient)(const GradientCall& call, std::int64_t first, std::int64_t last);
  /// dU [(m + 2)²][in][out] → [3][3][in][out] for the input channels [first, last).
  void (*gradient_of_weights)(const float* sums, std::int64_t in, std::int64_t out, std::int64_t m,
                              std::int64_t first, std::int64_t last, float* gradient);
};

}  // namespace embed::cpu
