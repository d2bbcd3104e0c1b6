// SPDX-License-Identifier: LGPL-2.1-or-later
#include "image/crop_kernels.h"

#include <algorithm>
#include <cmath>

#include "image/crop_taps.h"

namespace embed {

namespace {

/// The rounded product of two 1.15 fractions, which is one instruction on most machines.
inline int fraction_product(int a, int b) {
  return (a * b + (1 << 14)) >> 15;
}

/// A colour out of 64ths of a grey level.
inline std::int16_t colour(int sixty_fourths) {
  return static_cast<std::int16_t>(2 * std::clamp(sixty_fourths, 0, 255 * 64));
}

/// Red, green and blue in place of the mean Y, U and V.
inline void to_colour(const YuvGains& gains, std::int16_t* mean) {
  constexpr int kNoChroma = 128 << kCellBits;
  const int u = 2 * (mean[1] - kNoChroma), v = 2 * (mean[2] - kNoChroma);
  const int level = fraction_product(mean[0], gains.luma) + gains.bias;
  const int green = fraction_product(u, gains.green_u) + fraction_product(v, gains.green_v);
  mean[0] = colour(level + fraction_product(v, gains.red_v));
  mean[1] = colour(level + green);
  mean[2] = colour(level + fraction_product(u, gains.blue_u));
}

void sum_bytes(const std::uint8_t* first, std::ptrdiff_t stride, int rows, int count, int /*readable*/,
               std::uint16_t* sums) {
  for (int i = 0; i < count; ++i) sums[i] = first[i];
  for (int row = 1; row < rows; ++row) {
    const std::uint8_t* bytes = first + row * stride;
    for (int i = 0; i < count; ++i) sums[i] = static_cast<std::uint16_t>(sums[i] + bytes[i]);
  }
}

void sum_yuv(const ImageView& image, const PixelBlock& block, std::uint16_t* sums) {
  std::fill(sums, sums + static_cast<std::ptrdiff_t>(block.x1 - block.x0) * kLanes, std::uint16_t{0});
  const bool pairs = image.format == PixelFormat::Nv12;
  for (int y = block.y0; y < block.y1; ++y) {
    const std::uint8_t* luma = image.planes[0] + y * image.strides[0];
    const std::uint8_t* u_row = image.planes[1] + y / 2 * image.strides[1];
    const std::uint8_t* v_row = pairs ? u_row + 1 : image.planes[2] + y / 2 * image.strides[2];
    std::uint16_t* sum = sums;
    for (int x = block.x0; x < block.x1; ++x, sum += kLanes) {
      const int at = pairs ? x / 2 * 2 : x / 2;
      sum[0] = static_cast<std::uint16_t>(sum[0] + luma[x]);
      sum[1] = static_cast<std::uint16_t>(sum[1] + u_row[at]);
      sum[2] = static_cast<std::uint16_t>(sum[2] + v_row[at]);
    }
  }
}

void to_colours(const YuvGains& gains, int count, std::int16_t* means) {
  for (int i = 0; i < count; ++i) to_colour(gains, means + std::ptrdiff_t{i} * kLanes);
}

void mean_cells(const std::uint16_t* sums, int step, int width, int count, CellScale scale,
                std::int16_t* means) {
  for (int i = 0; i < count; ++i, means += kLanes) {
    std::uint32_t total[kLanes] = {};
    for (int x = 0; x < width; ++x, sums += step) {
      for (int lane = 0; lane < kLanes; ++lane) total[lane] += sums[lane];
    }
    for (int lane = 0; lane < kLanes; ++lane) {
      const std::uint32_t scaled = ((total[lane] << scale.shift) + 1) & 0xFFFF;
      means[lane] = static_cast<std::int16_t>(scaled * scale.factor >> 16);
    }
  }
}

void colour_cells(const ImageView& image, const YuvGains& gains, const PixelBlock& block, int width,
                  std::int16_t* means) {
  const CellScale scale = cell_scale(width * (block.y1 - block.y0));
  for (int x = block.x0; x < block.x1; x += width, means += kLanes) {
    std::uint16_t sums[kQuickWidth * kLanes];
    sum_yuv(image, {x, x + width, block.y0, block.y1}, sums);
    mean_cells(sums, kLanes, width, 1, scale, means);
    to_colour(gains, means);
  }
}

void plan_taps(const TapLine& line, const TapPlan& plan) {
  plan_taps_inline(line, plan);
}

template <int kTaps, int kColours>
void blend_row(const CellRows& cells, const TapPlan& plan, std::ptrdiff_t plan_stride, int width,
               const int* order, int bytes, std::uint8_t* out) {
  constexpr int kShift = kCellBits - 1 + kTaps - 1;  // A product has a fraction bit less than a cell.
  for (int column = 0; column < width; ++column, out += bytes) {
    int sum[kColours] = {};
    for (int tap = 0; tap < kTaps; ++tap) {
      const std::ptrdiff_t i = tap * plan_stride + column;
      const std::int16_t* above = cells.origin + plan.offset[i];
      const std::int16_t* below = above + cells.stride * kLanes;
      const std::uint32_t weight_above = plan.weights[2 * i], weight_below = plan.weights[2 * i + 1];
      const int w00 = static_cast<int>(weight_above & 0xFFFF), w01 = static_cast<int>(weight_above >> 16);
      const int w10 = static_cast<int>(weight_below & 0xFFFF), w11 = static_cast<int>(weight_below >> 16);
      for (int c = 0; c < kColours; ++c) {
        sum[c] += fraction_product(above[c], w00) + fraction_product(above[kLanes + c], w01) +
                  fraction_product(below[c], w10) + fraction_product(below[kLanes + c], w11);
      }
    }
    for (int byte = 0; byte < bytes; ++byte) {
      out[byte] = static_cast<std::uint8_t>((sum[order[byte]] + (1 << (kShift - 1))) >> kShift);
    }
  }
}

void blend(const CellRows& cells, const TapPlan& plan, std::ptrdiff_t plan_stride, int width, int taps,
           LaneOrder order, std::uint8_t* out) {
  static constexpr int kOrders[4][3] = {{0, 1, 2}, {2, 1, 0}, {0, 0, 0}, {0, 0, 0}};
  const bool grey = order == LaneOrder::GreyToThree || order == LaneOrder::Grey;
  const auto row = grey ? (taps == 2 ? blend_row<2, 1> : blend_row<1, 1>)
                        : (taps == 2 ? blend_row<2, 3> : blend_row<1, 3>);
  row(cells, plan, plan_stride, width, kOrders[static_cast<int>(order)], order == LaneOrder::Grey ? 1 : 3,
      out);
}

}  // namespace

YuvGains yuv_gains(const ImageView& image) noexcept {
  const auto [kr, kb] = luma_weights(image.matrix);
  const bool full = full_range(image);
  const double luma = full ? 1.0 : 255.0 / 219.0, chroma = full ? 1.0 : 255.0 / 224.0;
  const double black = full ? 0 : 16;
  const auto fixed = [](double value) { return static_cast<std::int16_t>(std::lround(value)); };
  const auto gain = [&](double value) { return fixed(value * (1 << 13)); };
  const double blue_u = 2 * (1 - kb) * chroma, red_v = 2 * (1 - kr) * chroma, kg = 1 - kr - kb;
  return {fixed(luma * (1 << 14)), fixed(-black * luma * 64), gain(red_v),
          gain(-blue_u * kb / kg), gain(-red_v * kr / kg),    gain(blue_u)};
}

YuvGains luma_gains(const ImageView& image) noexcept {
  const YuvGains gains = yuv_gains(image);
  return {gains.luma, gains.bias, 0, 0, 0, 0};
}

void to_full_range(const YuvGains& gains, int count, std::int16_t* means) noexcept {
  for (int i = 0; i < count * kLanes; ++i) {
    means[i] = colour(fraction_product(means[i], gains.luma) + gains.bias);
  }
}

CellScale cell_scale(int pixels) noexcept {
  int shift = 0;
  while (pixels << (shift + 1) <= kPixelsInSum) ++shift;
  const int one = 1 << (16 + kCellBits - shift);
  return {shift, static_cast<std::uint16_t>((one + pixels / 2) / pixels)};
}

const CropKernels& portable_crop_kernels() noexcept {
  static constexpr CropKernels kernels{"portable",   sum_bytes,  sum_yuv,   to_colours,
                                       colour_cells, mean_cells, plan_taps, blend};
  return kernels;
}

const CropKernels& crop_kernels() noexcept {
  for (const CropKernels* kernels : {avx512_crop_kernels(), avx2_crop_kernels(), neon_crop_kernels()}) {
    if (kernels != nullptr) return *kernels;
  }
  return portable_crop_kernels();
}

}  // namespace embed
