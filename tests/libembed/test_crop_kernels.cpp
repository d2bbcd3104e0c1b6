// SPDX-License-Identifier: LGPL-2.1-or-later
// Each kernel of the fast set against its portable twin, on noise and at the ends of its ranges. Buffers have
// no byte to spare, so that a sanitizer sees a read too far.
#include "crop_kernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "fixtures.h"

namespace {

using embed::CropKernels;
using embed::kLanes;
using embed::kPaired;
using embed::LaneOrder;
using embed::PixelFormat;

class CropKernelsTest : public testing::Test {
 protected:
  void SetUp() override {
    if (fast_ == nullptr) GTEST_SKIP() << "this machine has no AVX2";
  }

  template <typename T>
  std::vector<T> noise(std::size_t count, int low, int high) {
    std::uniform_int_distribution<int> value(low, high);
    std::vector<T> values(count);
    for (T& one : values) one = static_cast<T>(value(generator_));
    return values;
  }

  std::mt19937 generator_{7};
  const CropKernels* fast_ = embed::avx2_crop_kernels();
  const CropKernels& plain_ = embed::portable_crop_kernels();
};

TEST_F(CropKernelsTest, SumBytes) {
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

/// Every pair of luma and chroma at the ends of the range, and noise.
TEST_F(CropKernelsTest, SumYuv) {
  for (const PixelFormat format : {PixelFormat::Nv12, PixelFormat::I420}) {
    for (int i = 0; i < 120; ++i) {
      const int width = 1 + i * 7 % 131, height = 1 + i % 9;
      auto image =
          fixtures::make_image(format, width, height, 0, 1, static_cast<embed::YuvMatrix>(i % 3), i % 2 == 0);
      for (auto& plane : image.planes) {
        const auto bytes = noise<std::uint8_t>(plane.size(), 0, i % 4 == 0 ? 1 : 255);
        std::transform(bytes.begin(), bytes.end(), plane.begin(), [&](std::uint8_t byte) {
          return static_cast<std::uint8_t>(i % 4 == 0 ? 255 * byte : byte);
        });
      }
      const embed::PixelBlock block{i % 5 * (width / 12) / 2 * 2, width - i % 3 * (width / 4),
                                    i % 2 * (height / 2), height};
      const auto size = static_cast<std::size_t>((block.x1 - block.x0) * kLanes);
      std::vector<std::uint16_t> a(size + embed::kSlack), b = a;
      const auto view = image.view();
      fast_->sum_yuv(view, embed::yuv_gains(view), block, a.data());
      plain_.sum_yuv(view, embed::yuv_gains(view), block, b.data());
      a.resize(size), b.resize(size);
      ASSERT_EQ(a, b) << fixtures::format_name(format) << ' ' << i;
    }
  }
}

TEST_F(CropKernelsTest, MeanCells) {
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

TEST_F(CropKernelsTest, PairRows) {
  for (const int count : {1, 3, 4, 5, 8, 13}) {
    const auto size = static_cast<std::size_t>(count * kLanes);
    const auto upper = noise<std::int16_t>(size, 0, 32'640), lower = noise<std::int16_t>(size, 0, 32'640);
    std::vector<std::int16_t> a(2 * size), b = a;
    fast_->pair_rows(upper.data(), lower.data(), count, a.data());
    plain_.pair_rows(upper.data(), lower.data(), count, b.data());
    ASSERT_EQ(a, b) << count;
  }
}

/// Plans and blends lines of taps that wander over the grid and out of it.
TEST_F(CropKernelsTest, PlanAndBlend) {
  constexpr int kColumns = 40, kRows = 30, kStride = kColumns + 3, kOne = 1 << embed::kPositionBits;
  const auto cells =
      noise<std::int16_t>(static_cast<std::size_t>((kRows + 2) * kStride * kPaired), 0, 32'640);
  const std::int16_t* origin = cells.data() + (kStride + 1) * kPaired;
  for (int i = 0; i < 200; ++i) {
    const int taps = 1 + i % 2, width = 16 + i % 23;
    const auto line_size = static_cast<std::size_t>((width * taps + 15) / 16 * 16);
    const auto steps = noise<std::int32_t>(4, -kOne, 60 * kOne);
    std::vector<std::int32_t> x(line_size), y(line_size);
    for (std::size_t t = 0; t < line_size; ++t) {
      x[t] = static_cast<std::int32_t>(t) * (steps[0] / 40),
      y[t] = static_cast<std::int32_t>(t) * (steps[1] / 90);
    }
    const auto planned = [&](const CropKernels& kernels) {
      std::vector<std::int32_t> offsets(line_size * 2);
      std::vector<std::uint32_t> weights(line_size * 4);
      for (std::size_t tap = 0; tap < static_cast<std::size_t>(taps); ++tap) {
        const embed::TapLine line{
            x.data(), y.data(), width * taps, steps[2] - 20 * kOne, steps[3] - 20 * kOne,
            kColumns, kRows,    kStride};
        kernels.plan_taps(line, {offsets.data() + tap * line_size, weights.data() + 2 * tap * line_size});
      }
      return std::pair(offsets, weights);
    };
    auto [offsets, weights] = planned(*fast_);
    ASSERT_EQ(planned(plain_), std::pair(offsets, weights));
    for (int t = 0; t < width * taps; ++t) {
      const std::uint32_t sum =
          weights[static_cast<std::size_t>(2 * t)] + weights[static_cast<std::size_t>(2 * t + 1)];
      ASSERT_EQ((sum & 0xFFFF) + (sum >> 16), static_cast<std::uint32_t>(kOne));
    }
    for (const LaneOrder order :
         {LaneOrder::AsIs, LaneOrder::Swapped, LaneOrder::GreyToThree, LaneOrder::Grey}) {
      const auto bytes = static_cast<std::size_t>(width) * (order == LaneOrder::Grey ? 1 : 3);
      std::vector<std::uint8_t> a(bytes + 3), b(bytes + 3);
      const auto stride = static_cast<std::ptrdiff_t>(line_size);
      fast_->blend(origin, {offsets.data(), weights.data()}, stride, width, taps, order, a.data());
      plain_.blend(origin, {offsets.data(), weights.data()}, stride, width, taps, order, b.data());
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
