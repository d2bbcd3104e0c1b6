// SPDX-License-Identifier: LGPL-2.1-or-later
#include "crop_kernels.h"

#include <algorithm>
#include <cmath>

#include "crop_taps.h"
#include "luma_weights.h"

namespace embed {

namespace {

/// The rounded product of two 1.15 fractions, which is one instruction on most machines.
inline int fraction_product(int a, int b) {
  return (a * b + (1 << 14)) >> 15;
}

inline std::uint16_t clamped(int sixty_fourths) {
  return static_cast<std::uint16_t>(std::clamp(sixty_fourths >> 6, 0, 255));
}

void sum_bytes(const std::uint8_t* first, std::ptrdiff_t stride, int rows, int count, int /*readable*/,
               std::uint16_t* sums) {
  for (int i = 0; i < count; ++i) sums[i] = first[i];
  for (int row = 1; row < rows; ++row) {
    const std::uint8_t* bytes = first + row * stride;
    for (int i = 0; i < count; ++i) sums[i] = static_cast<std::uint16_t>(sums[i] + bytes[i]);
  }
}

void sum_yuv(const ImageView& image, const YuvGains& gains, const PixelBlock& block, std::uint16_t* sums) {
  std::fill(sums, sums + static_cast<std::ptrdiff_t>(block.x1 - block.x0) * kLanes, std::uint16_t{0});
  const bool pairs = image.format == PixelFormat::Nv12;
  for (int y = block.y0; y < block.y1; ++y) {
    const std::uint8_t* luma = image.planes[0] + y * image.strides[0];
    const std::uint8_t* u_row = image.planes[1] + y / 2 * image.strides[1];
    const std::uint8_t* v_row = pairs ? u_row + 1 : image.planes[2] + y / 2 * image.strides[2];
    std::uint16_t* sum = sums;
    for (int x = block.x0; x < block.x1; ++x, sum += kLanes) {
      const int at = pairs ? x / 2 * 2 : x / 2;
      const int u = (u_row[at] - 128) * 256, v = (v_row[at] - 128) * 256;
      const int level = fraction_product((luma[x] - 128) * 256, gains.luma) + gains.bias;
      const int green = fraction_product(u, gains.green_u) + fraction_product(v, gains.green_v);
      sum[0] = static_cast<std::uint16_t>(sum[0] + clamped(level + fraction_product(v, gains.red_v)));
      sum[1] = static_cast<std::uint16_t>(sum[1] + clamped(level + green));
      sum[2] = static_cast<std::uint16_t>(sum[2] + clamped(level + fraction_product(u, gains.blue_u)));
    }
  }
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

void pair_rows(const std::int16_t* upper, const std::int16_t* lower, int count, std::int16_t* pairs) {
  for (int i = 0; i < count * kLanes; ++i) pairs[2 * i] = upper[i], pairs[2 * i + 1] = lower[i];
}

void plan_taps(const TapLine& line, const TapPlan& plan) {
  plan_taps_inline(line, plan);
}

template <int kTaps, int kColours>
void blend_row(const std::int16_t* pairs, const TapPlan& plan, std::ptrdiff_t plan_stride, int width,
               const int* order, int bytes, std::uint8_t* out) {
  constexpr int kShift = kCellBits + kPositionBits + (kTaps == 2 ? 2 : 0);
  for (int column = 0; column < width; ++column, out += bytes) {
    int sum[kColours] = {};
    for (int tap = 0; tap < kTaps * kTaps; ++tap) {
      const std::ptrdiff_t i = tap / kTaps * plan_stride + column * kTaps + tap % kTaps;
      const std::int16_t* left = pairs + plan.offset[i];
      const std::int16_t* right = left + kPaired;
      const std::uint32_t on_left = plan.weights[2 * i], on_right = plan.weights[2 * i + 1];
      const int w00 = static_cast<int>(on_left & 0xFFFF), w10 = static_cast<int>(on_left >> 16);
      const int w01 = static_cast<int>(on_right & 0xFFFF), w11 = static_cast<int>(on_right >> 16);
      for (int c = 0; c < kColours; ++c) {
        sum[c] += w00 * left[2 * c] + w10 * left[2 * c + 1] + w01 * right[2 * c] + w11 * right[2 * c + 1];
      }
    }
    for (int byte = 0; byte < bytes; ++byte) {
      out[byte] = static_cast<std::uint8_t>((sum[order[byte]] + (1 << (kShift - 1))) >> kShift);
    }
  }
}

void blend(const std::int16_t* pairs, const TapPlan& plan, std::ptrdiff_t plan_stride, int width, int taps,
           LaneOrder order, std::uint8_t* out) {
  static constexpr int kOrders[4][3] = {{0, 1, 2}, {2, 1, 0}, {0, 0, 0}, {0, 0, 0}};
  const bool grey = order == LaneOrder::GreyToThree || order == LaneOrder::Grey;
  const auto row = grey ? (taps == 2 ? blend_row<2, 1> : blend_row<1, 1>)
                        : (taps == 2 ? blend_row<2, 3> : blend_row<1, 3>);
  row(pairs, plan, plan_stride, width, kOrders[static_cast<int>(order)], order == LaneOrder::Grey ? 1 : 3,
      out);
}

}  // namespace

YuvGains yuv_gains(const ImageView& image) noexcept {
  const auto [kr, kb] = luma_weights(image.matrix);
  const double luma = image.full_range ? 1.0 : 255.0 / 219.0;
  const double chroma = image.full_range ? 1.0 : 255.0 / 224.0;
  const double black = image.full_range ? 0 : 16;
  const auto fixed = [](double value) { return static_cast<std::int16_t>(std::lround(value)); };
  const auto gain = [&](double value) { return fixed(value * (1 << 13)); };
  const double blue_u = 2 * (1 - kb) * chroma, red_v = 2 * (1 - kr) * chroma, kg = 1 - kr - kb;
  return {gain(luma),
          fixed((128 - black) * luma * 64 + 32),
          gain(red_v),
          gain(-blue_u * kb / kg),
          gain(-red_v * kr / kg),
          gain(blue_u)};
}

CellScale cell_scale(int pixels) noexcept {
  int shift = 0;
  while (pixels << (shift + 1) <= kPixelsInSum) ++shift;
  const int one = 1 << (16 + kCellBits - shift);
  return {shift, static_cast<std::uint16_t>((one + pixels / 2) / pixels)};
}

const CropKernels& portable_crop_kernels() noexcept {
  static constexpr CropKernels kernels{"portable", sum_bytes, sum_yuv, mean_cells,
                                       pair_rows,  plan_taps, blend};
  return kernels;
}

const CropKernels& crop_kernels() noexcept {
  static const CropKernels& best =
      avx2_crop_kernels() != nullptr ? *avx2_crop_kernels() : portable_crop_kernels();
  return best;
}

}  // namespace embed
