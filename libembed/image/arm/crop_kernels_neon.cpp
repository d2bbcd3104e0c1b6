// SPDX-License-Identifier: LGPL-2.1-or-later
#include "image/crop_kernels.h"

#if defined(__aarch64__) && defined(__ARM_NEON)

#include <arm_neon.h>

#include <algorithm>
#include <cstring>

#include "base/cpu_features.h"
#include "image/crop_taps.h"

namespace embed {

namespace {

constexpr int kAtOnce = 16;

void sum_bytes(const std::uint8_t* first, std::ptrdiff_t stride, int rows, int count, int readable,
               std::uint16_t* sums) {
  int i = 0;
  // Behind the last sum there is room.
  for (; i < count && i + kAtOnce <= readable; i += kAtOnce) {
    uint16x8_t low = vdupq_n_u16(0), high = low;
    const std::uint8_t* bytes = first + i;
    for (int row = 0; row < rows; ++row, bytes += stride) {
      const uint8x16_t values = vld1q_u8(bytes);
      low = vaddw_u8(low, vget_low_u8(values));
      high = vaddw_high_u8(high, values);
    }
    vst1q_u16(sums + i, low);
    vst1q_u16(sums + i + 8, high);
  }
  if (i < count) {
    portable_crop_kernels().sum_bytes(first + i, stride, rows, count - i, readable - i, sums + i);
  }
}

/// Eight pairs of pixels' U and V.
template <bool kPairs>
uint8x8x2_t load_chroma(const ImageView& image, int x, int y) {
  const std::uint8_t* u_row = image.planes[1] + y / 2 * image.strides[1];
  if constexpr (kPairs) {
    return vld2_u8(u_row + x);
  } else {
    const std::uint8_t* v_row = image.planes[2] + y / 2 * image.strides[2];
    return {{vld1_u8(u_row + x / 2), vld1_u8(v_row + x / 2)}};
  }
}

template <bool kPairs>
void sum_sixteen(const ImageView& image, int x, int y0, int y1, std::uint16_t* sums) {
  uint16x8_t low = vdupq_n_u16(0), high = low, u = low, v = low;
  for (int y = y0; y < y1; ++y) {
    const uint8x16_t luma = vld1q_u8(image.planes[0] + y * image.strides[0] + x);
    const uint8x8x2_t chroma = load_chroma<kPairs>(image, x, y);
    low = vaddw_u8(low, vget_low_u8(luma));
    high = vaddw_high_u8(high, luma);
    u = vaddw_u8(u, chroma.val[0]);
    v = vaddw_u8(v, chroma.val[1]);
  }
  const uint16x8_t none = vdupq_n_u16(0);
  vst4q_u16(sums, (uint16x8x4_t{{low, vzip1q_u16(u, u), vzip1q_u16(v, v), none}}));
  vst4q_u16(sums + 8 * kLanes, (uint16x8x4_t{{high, vzip2q_u16(u, u), vzip2q_u16(v, v), none}}));
}

void sum_yuv(const ImageView& image, const PixelBlock& block, std::uint16_t* sums) {
  const auto sum = image.format == PixelFormat::Nv12 ? sum_sixteen<true> : sum_sixteen<false>;
  int x = block.x0;
  for (; x + kAtOnce <= block.x1; x += kAtOnce, sums += kAtOnce * kLanes) {
    sum(image, x, block.y0, block.y1, sums);
  }
  if (x < block.x1) portable_crop_kernels().sum_yuv(image, {x, block.x1, block.y0, block.y1}, sums);
}

int16x8_t colour(int16x8_t sixty_fourths) {
  const int16x8_t most = vdupq_n_s16(255 * 64);
  return vshlq_n_s16(vminq_s16(vmaxq_s16(sixty_fourths, vdupq_n_s16(0)), most), 1);
}

/// Eight means of Y, U and V. What does not fit 16 bits is beyond a colour's range, and saturates.
int16x8x4_t colours_of(const YuvGains& gains, int16x8x4_t means) {
  const int16x8_t no_chroma = vdupq_n_s16(128 << kCellBits);
  const int16x8_t u = vshlq_n_s16(vsubq_s16(means.val[1], no_chroma), 1);
  const int16x8_t v = vshlq_n_s16(vsubq_s16(means.val[2], no_chroma), 1);
  // The rounded product of two 1.15 fractions is one instruction.
  const int16x8_t level = vaddq_s16(vqrdmulhq_n_s16(means.val[0], gains.luma), vdupq_n_s16(gains.bias));
  const int16x8_t green = vaddq_s16(vqrdmulhq_n_s16(u, gains.green_u), vqrdmulhq_n_s16(v, gains.green_v));
  means.val[0] = colour(vqaddq_s16(level, vqrdmulhq_n_s16(v, gains.red_v)));
  means.val[1] = colour(vqaddq_s16(level, green));
  means.val[2] = colour(vqaddq_s16(level, vqrdmulhq_n_s16(u, gains.blue_u)));
  return means;
}

void to_colours(const YuvGains& gains, int count, std::int16_t* means) {
  int i = 0;
  for (; i + 8 <= count; i += 8, means += 8 * kLanes) vst4q_s16(means, colours_of(gains, vld4q_s16(means)));
  if (i < count) portable_crop_kernels().to_colours(gains, count - i, means);
}

uint16x4_t cell_sum(const std::uint16_t* sums, int step, int width) {
  uint16x4_t sum = vld1_u16(sums);
  for (int x = 1; x < width; ++x) sum = vadd_u16(sum, vld1_u16(sums + std::ptrdiff_t{x} * step));
  return sum;
}

void mean_cells(const std::uint16_t* sums, int step, int width, int count, CellScale scale,
                std::int16_t* means) {
  const int16x4_t shift = vdup_n_s16(static_cast<std::int16_t>(scale.shift));
  const uint16x4_t one = vdup_n_u16(1);
  for (int i = 0; i < count; ++i, sums += std::ptrdiff_t{step} * width, means += kLanes) {
    const uint16x4_t scaled = vadd_u16(vshl_u16(cell_sum(sums, step, width), shift), one);
    vst1_s16(means, vreinterpret_s16_u16(vshrn_n_u32(vmull_n_u16(scaled, scale.factor), 16)));
  }
}

void colour_cells(const ImageView& image, const YuvGains& gains, const PixelBlock& block, int width,
                  std::int16_t* means) {
  const CellScale scale = cell_scale(width * (block.y1 - block.y0));
  std::uint16_t sums[kAtOnce * kQuickWidth * kLanes + kSlack];
  for (int x = block.x0; x < block.x1; x += kAtOnce * width) {
    const int end = std::min(block.x1, x + kAtOnce * width), cells = (end - x) / width;
    sum_yuv(image, {x, end, block.y0, block.y1}, sums);
    mean_cells(sums, kLanes, width, cells, scale, means);
    to_colours(gains, cells, means);
    means += std::ptrdiff_t{cells} * kLanes;
  }
}

void plan_taps(const TapLine& line, const TapPlan& plan) {
  plan_taps_inline(line, plan);
}

/// The mean of a tap's four cells, by its weights.
int16x4_t of_tap(const CellRows& cells, const TapPlan& plan, std::ptrdiff_t i) {
  // A cell's weight for each of its values.
  const uint8x16_t above = {0, 1, 0, 1, 0, 1, 0, 1, 2, 3, 2, 3, 2, 3, 2, 3};
  const uint8x16_t below = {4, 5, 4, 5, 4, 5, 4, 5, 6, 7, 6, 7, 6, 7, 6, 7};
  const uint8x8_t both = vreinterpret_u8_u32(vld1_u32(plan.weights + 2 * i));
  const uint8x16_t weights = vcombine_u8(both, both);
  const std::int16_t* at = cells.origin + plan.offset[i];
  const int16x8_t sum = vaddq_s16(
      vqrdmulhq_s16(vld1q_s16(at), vreinterpretq_s16_u8(vqtbl1q_u8(weights, above))),
      vqrdmulhq_s16(vld1q_s16(at + cells.stride * kLanes), vreinterpretq_s16_u8(vqtbl1q_u8(weights, below))));
  return vadd_s16(vget_low_s16(sum), vget_high_s16(sum));
}

/// Eight pixels, each colour for itself.
template <int kTaps>
uint8x8x3_t eight_pixels(const CellRows& cells, const TapPlan& plan, std::ptrdiff_t plan_stride, int column) {
  constexpr int kShift = kCellBits - 1 + kTaps - 1;  // A product has a fraction bit less than a cell.
  std::int16_t sums[8 * kLanes];
  for (int i = 0; i < 8; ++i) {
    int16x4_t sum = of_tap(cells, plan, column + i);
    if constexpr (kTaps == 2) sum = vadd_s16(sum, of_tap(cells, plan, plan_stride + column + i));
    vst1_s16(sums + i * kLanes, sum);
  }
  const int16x8x4_t colours = vld4q_s16(sums);
  return {{vqrshrun_n_s16(colours.val[0], kShift), vqrshrun_n_s16(colours.val[1], kShift),
           vqrshrun_n_s16(colours.val[2], kShift)}};
}

void store_pixels(const uint8x8x3_t& pixels, LaneOrder order, std::uint8_t* out) {
  const uint8x8_t first = pixels.val[0];
  if (order == LaneOrder::Grey) return vst1_u8(out, first);
  if (order == LaneOrder::GreyToThree) return vst3_u8(out, (uint8x8x3_t{{first, first, first}}));
  if (order == LaneOrder::AsIs) return vst3_u8(out, pixels);
  vst3_u8(out, (uint8x8x3_t{{pixels.val[2], pixels.val[1], first}}));
}

void blend(const CellRows& cells, const TapPlan& plan, std::ptrdiff_t plan_stride, int width, int taps,
           LaneOrder order, std::uint8_t* out) {
  const auto eight = taps == 2 ? eight_pixels<2> : eight_pixels<1>;
  const int bytes = order == LaneOrder::Grey ? 1 : 3;
  int column = 0;
  for (; column + 8 <= width; column += 8, out += 8 * bytes) {
    store_pixels(eight(cells, plan, plan_stride, column), order, out);
  }
  if (column == width) return;
  // The plan goes on to a whole number of sixteens.
  std::uint8_t rest[8 * 3];
  store_pixels(eight(cells, plan, plan_stride, column), order, rest);
  std::memcpy(out, rest, static_cast<std::size_t>((width - column) * bytes));
}

}  // namespace

const CropKernels* neon_crop_kernels() noexcept {
  static constexpr CropKernels kernels{"neon",       sum_bytes,  sum_yuv,   to_colours,
                                       colour_cells, mean_cells, plan_taps, blend};
  return cpu_features().neon ? &kernels : nullptr;
}

}  // namespace embed

#else

namespace embed {

const CropKernels* neon_crop_kernels() noexcept {
  return nullptr;
}

}  // namespace embed

#endif
