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

/// The gradient of the weights of a 3×3 convolution with stride 1, as one matrix product over the places of a
/// strip: all pixels of some pictures one behind another, with a place of zeros behind each row and a row of
/// those between pictures, so that a pixel's neighbours are a fixed number of places away and what lies
/// outside is zero. dw[o][tap][i] = Σ slope[place − tap's step][o] · input[place][i].
struct StripCall {
  const std::uint8_t* slopes;    ///< [out][places], the first place; what a tap's step reaches is there too.
  std::ptrdiff_t slope_row;      ///< Bytes from a channel to the next.
  const std::uint8_t* inputs;    ///< [in / kStripBlock][places / 2][kStripBlock] words of two places each.
  std::int64_t in, out;          ///< Channels, multiples of kStripBlock.
  std::int64_t places;           ///< A multiple of kStripPlaces.
  const std::ptrdiff_t* tap_at;  ///< [9] bytes from a place to that whose slope it meets.
  float* gradient;               ///< [out][9][in]
  bool add;                      ///< To what stands there.
};
constexpr std::int64_t kStripBlock = 32, kStripPlaces = 32;

/// What training needs of tiles besides Kernels::convolve; bfloat16. Any thread; ranges that do not overlap
/// may be computed at once. `places`: [count] where each place's channels are.
struct TileTrainKernels {
  /// [out][9][in] bfloat16 → ConvCall::weights for the output channels [first, last), whole blocks; or
  /// (`of_input`) those with which the output's gradient gives the input's, for the input channels [first,
  /// last).
  void (*pack_weights)(const std::uint16_t* weights, std::int64_t in, std::int64_t out, bool of_input,
                       std::int64_t first, std::int64_t last, std::uint8_t* packed);
  /// → StripCall::slopes from a place on, for the places [first, last), multiples of 16.
  void (*transpose)(const std::uint8_t* const* places, std::int64_t first, std::int64_t last,
                    std::int64_t channels, std::uint8_t* out, std::ptrdiff_t row_bytes);
  /// → StripCall::inputs for the places [first, last), even numbers.
  void (*interleave)(const std::uint8_t* const* places, std::int64_t first, std::int64_t last,
                     std::int64_t count, std::int64_t channels, std::uint8_t* out);
  /// The gradient of the output channels [first, last), whole blocks.
  void (*multiply)(const StripCall& call, std::int64_t first, std::int64_t last);
};

}  // namespace embed::cpu
