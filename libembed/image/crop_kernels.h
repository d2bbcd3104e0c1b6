// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>

#include "embed/image_view.h"

namespace embed {

/// The inner loops of crop_face, in integers, so that every set of them gives the same bytes on every
/// machine. The portable set defines what the others compute.

/// Values of one cell or pixel: the colours and, where there are fewer than four, whatever lies behind.
constexpr int kLanes = 4;
/// Fraction bits of a cell's int16 value: 255 becomes 32,640.
constexpr int kCellBits = 7;
/// Fraction bits of a position in cells, and of a bilinear weight: the four of a tap add up to exactly 1
/// << 14.
constexpr int kPositionBits = 14;
/// Rows whose 8-bit values fit a 16-bit sum.
constexpr int kRowsInSum = 256;
/// Values that a kernel may write, or read, beyond the end of a buffer of sums.
constexpr int kSlack = 256;
/// Bytes that a kernel may write beyond the end of a row of the crop.
constexpr int kRowSlack = 16;

/// YUV to RGB in 64ths of a grey level: luma × 2^14, what black luma takes away, chroma × 2^13. Means with
/// kCellBits fraction bits become colours with as many: luma · mean plus the bias plus the chroma's share,
/// each product rounded, clamped to a colour's range and doubled.
struct YuvGains {
  std::int16_t luma, bias, red_v, green_u, green_v, blue_u;
};
YuvGains yuv_gains(const ImageView& image) noexcept;
/// Without chroma: the first value becomes the luma in full range.
YuvGains luma_gains(const ImageView& image) noexcept;
/// Means of colours or grey, [count, 4], in full range, in place, by luma_gains. So rare that there is but
/// this one.
void to_full_range(const YuvGains& gains, int count, std::int16_t* means) noexcept;

/// Part of an image: columns [x0, x1) of rows [y0, y1), at most kRowsInSum rows. Inside the image.
struct PixelBlock {
  int x0, x1, y0, y1;
};

/// How the sum of a cell's pixels becomes their mean × 128: ((sum << shift) + 1) · factor >> 16. In 16 bits,
/// for cells of at most kPixelsInSum pixels; the added 1 is about the half that rounds.
struct CellScale {
  int shift;
  std::uint16_t factor;
};
constexpr int kPixelsInSum = 256;
constexpr int kQuickWidth = 4;
CellScale cell_scale(int pixels) noexcept;

/// A straight line of bilinear taps. Positions are in cells of the grid, with kPositionBits fraction bits,
/// centres at integers: tap i lies at (column_x[i] + row_x, column_y[i] + row_y), and what lies beside the
/// grid is moved to its rim, [−1, columns] × [−1, rows], where all is black.
struct TapLine {
  const std::int32_t *column_x, *column_y;  // [count, rounded up to 16]; behind the last, the last again
  int count;
  std::int32_t row_x, row_y;
  int columns, rows, stride;  // of the grid; stride in cells
};

/// A tap: where its upper left cell is, in int16 values from cell (0, 0), and the weights of the left (low
/// half) and right (high half) cell above and below.
struct TapPlan {
  std::int32_t* offset;    // [count, rounded up to 16]
  std::uint32_t* weights;  // [count, rounded up to 16; 2]: above, below
};

/// Cells with kLanes values each: cell (0, 0), and how many there are from one row to the next.
struct CellRows {
  const std::int16_t* origin;
  std::ptrdiff_t stride;
};

/// What leaves a lane for each byte of the output.
enum class LaneOrder { AsIs, Swapped, GreyToThree, Grey };

struct CropKernels {
  const char* name;

  /// sums[i] = the sum over `rows` rows of byte i, for `count` bytes; rows are `stride` apart, and `readable`
  /// ≥ count bytes of each may be read.
  void (*sum_bytes)(const std::uint8_t* first, std::ptrdiff_t stride, int rows, int count, int readable,
                    std::uint16_t* sums);

  /// The same for Y, U, V of the pixels of NV12 and I420, with a fourth value that is any: sums is [x1 − x0,
  /// 4]. x0 is even.
  void (*sum_yuv)(const ImageView& image, const PixelBlock& block, std::uint16_t* sums);

  /// Means of Y, U, V to red, green, blue, in place: [count, 4].
  void (*to_colours)(const YuvGains& gains, int count, std::int16_t* means);

  /// sum_yuv, mean_cells and to_colours at once for whole cells of `width` pixels and the block's height:
  /// [(x1 − x0) / width, 4], of which kSlack values behind the last may be written too. x0 is even. A width
  /// of 1 comes with a height of 1; others are those of at most kQuickWidth.
  void (*colour_cells)(const ImageView& image, const YuvGains& gains, const PixelBlock& block, int width,
                       std::int16_t* means);

  /// The means of `count` cells, [count, 4], each of `width` pixels' sums down the cell's rows; a pixel is
  /// `step` values long, and its first four are added. At most kPixelsInSum pixels a cell.
  void (*mean_cells)(const std::uint16_t* sums, int step, int width, int count, CellScale scale,
                     std::int16_t* means);

  /// Where a line of taps reads, and with which weights. Plans for count rounded up to 16.
  void (*plan_taps)(const TapLine& line, const TapPlan& plan);

  /// One row of the crop, `width` pixels, each the mean of the plan's [taps, plan_stride] in its column. The
  /// four products of a tap are rounded to 64ths of a grey level. `out` holds kRowSlack bytes more than the
  /// row.
  void (*blend)(const CellRows& cells, const TapPlan& plan, std::ptrdiff_t plan_stride, int width, int taps,
                LaneOrder order, std::uint8_t* out);
};

/// Plain C++.
const CropKernels& portable_crop_kernels() noexcept;
/// For x86-64 with AVX2; null where that is not there.
const CropKernels* avx2_crop_kernels() noexcept;
/// For x86-64 with AVX-512, its byte permutes and byte products (VBMI, VNNI: since Ice Lake and Zen 4); null
/// where those are not there.
const CropKernels* avx512_crop_kernels() noexcept;
/// For arm64; null elsewhere.
const CropKernels* neon_crop_kernels() noexcept;
/// The fastest set that this machine can run. Any thread.
const CropKernels& crop_kernels() noexcept;

}  // namespace embed
