// SPDX-License-Identifier: LGPL-2.1-or-later
// Each kernel of the fast sets against its portable twin, on noise and at the ends of its ranges. Buffers
// have no byte to spare, so that a sanitizer sees a read too far.
#include "image/crop_kernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "fixtures.h"

namespace {

using embed::CropKernels;
using embed::kLanes;
using embed::LaneOrder;
using embed::PixelFormat;
using embed::PixelRange;

struct FastSet {
  const char* name;
  const CropKernels* (*kernels)() noexcept;
};

class CropKernelsTest : public testing::TestWithParam<FastSet> {
 protected:
  void SetUp() override {
    if (fast_ == nullptr) GTEST_SKIP() << "this machine has no " << GetParam().name;
  }

  template <typename T>
  std::vector<T> noise(std::size_t count, int low, int high) {
    std::uniform_int_distribution<int> value(low, high);
    std::vector<T> values(count);
    for (T& one : values) one = static_cast<T>(value(generator_));
    return values;
  }

  std::mt19937 generator_{7};
  const CropKernels* fast_ = GetParam().kernels();
  const CropKernels& plain_ = embed::portable_crop_kernels();
};

INSTANTIATE_TEST_SUITE_P(Sets, CropKernelsTest,
                         testing::Values(FastSet{"avx2", embed::avx2_crop_kernels},
                                         FastSet{"avx512", embed::avx512_crop_kernels},
                                         FastSet{"neon", embed::neon_crop_kernels}),
                         [](const auto& set) { return std::string(set.param.name); });

TEST_P(CropKernelsTest, SumBytes) {
  for (const int count : {1, 15, 63, 64, 65, 127, 128, 200}) {
    for (const int rows : {1, 2, 5, embed::kRowsInSum}) {
      for (const int more : {0, 1, 70}) {
        const int stride = count + more;
        const auto bytes =
            noise<std::uint8_t>(static_cast<std::size_t>(stride * rows), rows > 5 ? 255 : 0, 255);
        std::vector<std::uint16_t> a(static_cast<std::size_t>(count + embed::kSlack)), b = a;
        fast_->sum_bytes(bytes.data(), stride, rows, count, stride, a.data());
        plain_.sum_bytes(bytes.data(), stride, rows, count, stride, b.data());
        a.resize(static_cast<std::size_t>(count)), b.resize(static_cast<std::size_t>(count));
        ASSERT_EQ(a, b) << count << ' ' << rows << ' ' << more;
      }
    }
  }
}

/// Rows of every width and of both layouts, of noise and, every fourth, of the ends of the range alone.
struct YuvCase {
  fixtures::Pixels image;
  embed::PixelBlock block;
  std::string name;
};

embed::YuvMatrix matrix(int i) {
  return fixtures::all_matrices()[static_cast<std::size_t>(i) % fixtures::all_matrices().size()];
}

YuvCase yuv_case(PixelFormat format, int i, std::mt19937& generator, int width, int height) {
  YuvCase made;
  made.image = fixtures::make_image(format, width, height, 0, 1, matrix(i),
                                    i % 2 == 0 ? PixelRange::Full : PixelRange::Usual);
  for (auto& plane : made.image.planes) {
    for (auto& byte : plane) {
      const auto any = static_cast<std::uint8_t>(generator());
      byte = static_cast<std::uint8_t>(i % 4 == 0 ? 255 * (any % 2) : any);
    }
  }
  made.block = {i % 5 * (width / 12) / 2 * 2, width - i % 3 * (width / 4), i % 2 * (height / 2), height};
  made.name = std::string(fixtures::format_name(format)) + ' ' + std::to_string(i);
  return made;
}

/// The first three values of each cell or pixel; the fourth is any.
template <typename T>
std::vector<T> three_of_four(const std::vector<T>& values, int count) {
  std::vector<T> kept;
  for (std::size_t i = 0; i < static_cast<std::size_t>(count * kLanes); ++i) {
    if (i % kLanes < 3) kept.push_back(values[i]);
  }
  return kept;
}

TEST_P(CropKernelsTest, SumYuv) {
  for (const PixelFormat format : {PixelFormat::Nv12, PixelFormat::I420}) {
    for (int i = 0; i < 120; ++i) {
      const auto [image, block, name] = yuv_case(format, i, generator_, 1 + i * 7 % 131, 1 + i % 9);
      const int count = block.x1 - block.x0;
      std::vector<std::uint16_t> a(static_cast<std::size_t>(count * kLanes + embed::kSlack)), b = a;
      fast_->sum_yuv(image.view(), block, a.data());
      plain_.sum_yuv(image.view(), block, b.data());
      ASSERT_EQ(three_of_four(a, count), three_of_four(b, count)) << name;
    }
  }
}

TEST_P(CropKernelsTest, ToColours) {
  for (int i = 0; i < 60; ++i) {
    const auto image = fixtures::make_image(PixelFormat::Nv12, 2, 2, 0, 1, matrix(i),
                                            i % 2 == 0 ? PixelRange::Full : PixelRange::Usual);
    const auto gains = i % 5 == 0 ? embed::luma_gains(image.view()) : embed::yuv_gains(image.view());
    const int count = 1 + i % 11;
    auto a = noise<std::int16_t>(static_cast<std::size_t>(count * kLanes), 0, 255);
    for (auto& value : a) value = static_cast<std::int16_t>(i % 4 == 0 ? value % 2 * 32'640 : value * 128);
    auto b = a;
    fast_->to_colours(gains, count, a.data());
    plain_.to_colours(gains, count, b.data());
    ASSERT_EQ(three_of_four(a, count), three_of_four(b, count)) << i;
  }
}

TEST_P(CropKernelsTest, ColourCells) {
  for (const PixelFormat format : {PixelFormat::Nv12, PixelFormat::I420}) {
    for (int i = 0; i < 240; ++i) {
      auto [image, block, name] = yuv_case(format, i, generator_, 1 + i * 37 % 411, 130);
      const int width = 1 + i % embed::kQuickWidth;
      // From one row up to as many as are added up in 16 bits.
      const int height = width == 1 ? 1 : i % 7 == 0 ? embed::kPixelsInSum / width : 1 + i % 6;
      block.x0 -= block.x0 % (2 * width);
      const int count = (block.x1 - block.x0) / width;
      block.x1 = block.x0 + count * width;
      block.y1 = std::min(block.y1, block.y0 + height);
      if (width == 1) block.y1 = block.y0 + 1;
      const auto view = image.view();
      const auto gains = embed::yuv_gains(view);
      const auto size = static_cast<std::size_t>(count * kLanes);
      std::vector<std::int16_t> a(size + embed::kSlack), b = a;
      fast_->colour_cells(view, gains, block, width, a.data());
      plain_.colour_cells(view, gains, block, width, b.data());
      ASSERT_EQ(three_of_four(a, count), three_of_four(b, count)) << name << ' ' << width;
      // And the same as in three steps.
      std::vector<std::uint16_t> sums(size * static_cast<std::size_t>(width) + embed::kSlack);
      std::vector<std::int16_t> means(size);
      const auto scale = embed::cell_scale(width * (block.y1 - block.y0));
      plain_.sum_yuv(view, block, sums.data());
      plain_.mean_cells(sums.data(), kLanes, width, count, scale, means.data());
      plain_.to_colours(gains, count, means.data());
      ASSERT_EQ(three_of_four(a, count), three_of_four(means, count)) << name << ' ' << width;
    }
  }
}

/// Black and white of limited range are those of full range, whatever the matrix.
TEST(CropColours, BlackAndWhiteAreExact) {
  for (const PixelRange range : {PixelRange::Limited, PixelRange::Full}) {
    for (const embed::YuvMatrix matrix : fixtures::all_matrices()) {
      const auto image = fixtures::make_image(PixelFormat::Nv12, 2, 2, 0, 1, matrix, range);
      const bool full = range == PixelRange::Full;
      const int black = full ? 0 : 16, white = full ? 255 : 235;
      std::int16_t means[2 * kLanes] = {};
      for (int i = 0; i < 2; ++i) {
        means[i * kLanes] = static_cast<std::int16_t>((i == 0 ? black : white) * 128);
        means[i * kLanes + 1] = means[i * kLanes + 2] = 128 * 128;
      }
      embed::crop_kernels().to_colours(embed::yuv_gains(image.view()), 2, means);
      for (int lane = 0; lane < 3; ++lane) {
        EXPECT_EQ(means[lane], 0) << static_cast<int>(matrix);
        EXPECT_EQ(means[kLanes + lane], 255 * 128) << static_cast<int>(matrix);
      }
    }
  }
}

TEST_P(CropKernelsTest, MeanCells) {
  for (const int step : {1, 3, 4}) {
    for (int width = 1; width <= 17; ++width) {
      for (const int rows : {1, 2, 5, 256 / width}) {
        if (width * rows > embed::kPixelsInSum) continue;
        for (const int count : {1, 2, 7, 8}) {
          const auto sums = noise<std::uint16_t>(
              static_cast<std::size_t>(step * width * count + embed::kSlack), 0, 255 * rows);
          const auto scale = embed::cell_scale(width * rows);
          std::vector<std::int16_t> a(static_cast<std::size_t>(count * kLanes)), b = a;
          fast_->mean_cells(sums.data(), step, width, count, scale, a.data());
          plain_.mean_cells(sums.data(), step, width, count, scale, b.data());
          ASSERT_EQ(a, b) << step << ' ' << width << ' ' << rows << ' ' << count;
        }
      }
    }
  }
}

/// Plans and blends lines of taps that wander over the grid and out of it.
TEST_P(CropKernelsTest, PlanAndBlend) {
  constexpr int kColumns = 40, kRows = 30, kStride = kColumns + 3, kOne = 1 << embed::kPositionBits;
  const auto cells = noise<std::int16_t>(static_cast<std::size_t>((kRows + 3) * kStride * kLanes), 0, 32'640);
  const embed::CellRows rows{cells.data() + (kStride + 1) * kLanes, kStride};
  for (int i = 0; i < 200; ++i) {
    const int taps = 1 + i % 2, width = 16 + i % 23;
    const auto line_size = static_cast<std::size_t>((width + 15) / 16 * 16);
    const auto steps = noise<std::int32_t>(4, -kOne, 60 * kOne);
    std::vector<std::int32_t> x(line_size), y(line_size);
    for (std::size_t t = 0; t < line_size; ++t) {
      const auto column = std::min(static_cast<std::int32_t>(t), width - 1);
      x[t] = column * (steps[0] / 40), y[t] = column * (steps[1] / 90);
    }
    const auto planned = [&](const CropKernels& kernels) {
      std::vector<std::int32_t> offsets(line_size * 2);
      std::vector<std::uint32_t> weights(line_size * 4);
      for (std::size_t tap = 0; tap < static_cast<std::size_t>(taps); ++tap) {
        const embed::TapLine line{
            x.data(), y.data(), width,  steps[2] - (20 + static_cast<int>(tap)) * kOne, steps[3] - 20 * kOne,
            kColumns, kRows,    kStride};
        kernels.plan_taps(line, {offsets.data() + tap * line_size, weights.data() + 2 * tap * line_size});
      }
      return std::pair(offsets, weights);
    };
    auto [offsets, weights] = planned(*fast_);
    ASSERT_EQ(planned(plain_), std::pair(offsets, weights));
    for (std::size_t t = 0; t < line_size * static_cast<std::size_t>(taps); ++t) {
      const std::uint32_t sum = weights[2 * t] + weights[2 * t + 1];
      ASSERT_EQ((sum & 0xFFFF) + (sum >> 16), static_cast<std::uint32_t>(kOne));
    }
    for (const LaneOrder order :
         {LaneOrder::AsIs, LaneOrder::Swapped, LaneOrder::GreyToThree, LaneOrder::Grey}) {
      const auto bytes = static_cast<std::size_t>(width) * (order == LaneOrder::Grey ? 1 : 3);
      std::vector<std::uint8_t> a(bytes + embed::kRowSlack), b = a;
      const auto stride = static_cast<std::ptrdiff_t>(line_size);
      fast_->blend(rows, {offsets.data(), weights.data()}, stride, width, taps, order, a.data());
      plain_.blend(rows, {offsets.data(), weights.data()}, stride, width, taps, order, b.data());
      a.resize(bytes), b.resize(bytes);
      ASSERT_EQ(a, b) << i;
    }
  }
}

/// The rounding of a cell's mean is exact to a 64th of a level whatever the cell's size, and white stays
/// white.
TEST(CropScale, MeansAreExact) {
  for (int pixels = 1; pixels <= embed::kPixelsInSum; ++pixels) {
    const auto scale = embed::cell_scale(pixels);
    for (const int level : {0, 1, 77, 254, 255}) {
      std::uint16_t sums[kLanes + embed::kSlack] = {};
      sums[0] = static_cast<std::uint16_t>(level * pixels);
      std::int16_t means[kLanes];
      embed::crop_kernels().mean_cells(sums, kLanes, 1, 1, scale, means);
      EXPECT_NEAR(means[0] / 128.0, level, 1.0 / 64) << pixels;
    }
  }
}

}  // namespace
