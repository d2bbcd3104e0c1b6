// SPDX-License-Identifier: LGPL-2.1-or-later
// Every kernel against its twin. Compiled twice: with the kernels on the CPU (kernels_on_cpu.h), and for a
// GPU.
#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "device_memory.h"
#include "embed/embedding.h"
#include "embed/error.h"
#include "embed/preprocess.h"
#include "fixtures.h"
#include "net/cuda/crop_step.h"
#include "net/cuda/net_steps.h"

namespace {

using namespace embed::gpu;
using embed::Head;

template <typename T>
struct NumberOf;
template <>
struct NumberOf<float> {
  static constexpr Number kNumber = Number::F32;
  static constexpr double kStep = 1e-6;  // one unit in the last place, and what sums in another order add
};
template <>
struct NumberOf<c10::BFloat16> {
  static constexpr Number kNumber = Number::BF16;
  static constexpr double kStep = 1.0 / 128;
};
template <>
struct NumberOf<c10::Half> {
  static constexpr Number kNumber = Number::F16;
  static constexpr double kStep = 1.0 / 1024;
};

template <typename T>
std::vector<T> random_values(std::size_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  std::vector<T> values(count);
  for (T& value : values) value = static_cast<T>(normal(generator));
  return values;
}

std::vector<std::uint8_t> random_bytes(std::size_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::vector<std::uint8_t> values(count);
  for (auto& value : values) value = static_cast<std::uint8_t>(generator());
  return values;
}

/// Equal but for one rounding.
template <typename T>
void expect_close(const std::vector<T>& got, const std::vector<T>& expected, const std::string& what) {
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double right = static_cast<float>(expected[i]);
    ASSERT_NEAR(static_cast<float>(got[i]), right, NumberOf<T>::kStep * (1 + std::abs(right)))
        << what << " at " << i;
  }
}

template <typename T>
class Kernels : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!DeviceMemory::available()) GTEST_SKIP() << "no usable CUDA device";
  }
};
using Numbers = ::testing::Types<float, c10::BFloat16, c10::Half>;

class NumberName {
 public:
  template <typename T>
  static std::string GetName(int) {
    return NumberOf<T>::kNumber == Number::F32    ? "F32"
           : NumberOf<T>::kNumber == Number::BF16 ? "BF16"
                                                  : "F16";
  }
};
TYPED_TEST_SUITE(Kernels, Numbers, NumberName);

struct Size {
  int count, height, width, channels;
};

TYPED_TEST(Kernels, PackBytes) {
  for (const Size& size : {Size{3, 64, 64, 3}, Size{2, 17, 33, 3}, Size{1, 16, 16, 1}, Size{2, 31, 18, 1}}) {
    const auto crops =
        random_bytes(static_cast<std::size_t>(size.count * size.height * size.width * size.channels), 1);
    const std::vector<float> scale{0.01F, 0.02F, 0.015F}, shift{-1, 0.5F, 0.25F};
    std::vector<TypeParam> expected(
        static_cast<std::size_t>(size.count * cells::stored(size.height) * cells::stored(size.width) *
                                 cells::channels(size.channels)));
    const DeviceMemory device_crops(crops), device_scale(scale), device_shift(shift);
    DeviceMemory device_out(expected);
    PackBytes step{crops.data(),
                   size.count,
                   {expected.data(), NumberOf<TypeParam>::kNumber, size.height, size.width, size.channels,
                    scale.data(), shift.data()}};
    on_cpu::run(step);
    step.crops = device_crops.template as<std::uint8_t>();
    step.out.values = device_out.get();
    step.out.scale = device_scale.template as<float>();
    step.out.shift = device_shift.template as<float>();
    launch(step, nullptr);
    expect_close(device_out.template read<TypeParam>(), expected, "cells of " + std::to_string(size.width));
  }
}

TYPED_TEST(Kernels, BiasRelu) {
  for (const int channels : {64, 512}) {
    const Extent extent{NumberOf<TypeParam>::kNumber, 77, channels};
    auto values = random_values<TypeParam>(static_cast<std::size_t>(77 * channels), 2);
    const auto bias = random_values<float>(static_cast<std::size_t>(channels), 3);
    const DeviceMemory device_bias(bias);
    DeviceMemory device_values(values);
    launch(BiasRelu{extent, device_values.get(), device_bias.template as<float>()}, nullptr);
    on_cpu::run(BiasRelu{extent, values.data(), bias.data()});
    expect_close(device_values.template read<TypeParam>(), values, "values");
  }
}

TYPED_TEST(Kernels, AddAffineRelu) {
  for (const bool wanted : {true, false}) {
    const int channels = 128;
    const std::size_t count = 39 * 128;
    const Extent extent{NumberOf<TypeParam>::kNumber, 39, channels};
    auto values = random_values<TypeParam>(count, 4);
    const auto carried = random_values<TypeParam>(count, 5);
    const auto scale = random_values<float>(128, 6), shift = random_values<float>(128, 7);
    std::vector<TypeParam> active(count);
    const DeviceMemory device_carried(carried), device_scale(scale), device_shift(shift);
    DeviceMemory device_values(values), device_active(active);
    // As the network does: in place of the values comes the sum, or else what is active.
    AddAffineRelu step{extent,
                       device_values.get(),
                       device_carried.template as<char>(),
                       device_scale.template as<float>(),
                       device_shift.template as<float>(),
                       wanted ? device_values.get() : nullptr,
                       wanted ? device_active.get() : device_values.get()};
    launch(step, nullptr);
    step = {extent,
            values.data(),
            carried.data(),
            scale.data(),
            shift.data(),
            wanted ? values.data() : nullptr,
            wanted ? active.data() : values.data()};
    on_cpu::run(step);
    expect_close(device_values.template read<TypeParam>(), values, "values");
    expect_close(device_active.template read<TypeParam>(), active, "active");
  }
}

TYPED_TEST(Kernels, StemPool) {
  for (const Size& size : {Size{2, 32, 32, 64}, Size{1, 9, 17, 64}, Size{3, 8, 5, 16}}) {
    const auto c = static_cast<std::size_t>(size.channels);
    const auto values =
        random_values<TypeParam>(static_cast<std::size_t>(size.count * size.height * size.width) * c, 8);
    const auto bias = random_values<float>(c, 9), scale = random_values<float>(c, 10),
               shift = random_values<float>(c, 11);
    std::vector<TypeParam> pooled(
        static_cast<std::size_t>(size.count * ((size.height + 1) / 2) * ((size.width + 1) / 2)) * c);
    std::vector<TypeParam> active(pooled);
    const DeviceMemory device_values(values), device_bias(bias), device_scale(scale), device_shift(shift);
    DeviceMemory device_pooled(pooled), device_active(active);
    StemPool step{NumberOf<TypeParam>::kNumber,
                  device_values.template as<char>(),
                  size.count,
                  size.height,
                  size.width,
                  size.channels,
                  device_bias.template as<float>(),
                  device_scale.template as<float>(),
                  device_shift.template as<float>(),
                  device_pooled.get(),
                  device_active.get()};
    launch(step, nullptr);
    step.values = values.data(), step.bias = bias.data(), step.scale = scale.data(),
    step.shift = shift.data();
    step.pooled = pooled.data(), step.active = active.data();
    on_cpu::run(step);
    expect_close(device_pooled.template read<TypeParam>(), pooled, "pooled");
    expect_close(device_active.template read<TypeParam>(), active, "active");
  }
}

TYPED_TEST(Kernels, Tail) {
  const std::size_t c = Tail::kChannels;
  const auto scale = random_values<float>(c, 12), shift = random_values<float>(c, 13);
  auto weight = random_values<float>(c * embed::kEmbeddingDim, 14);
  for (float& value : weight) value /= 16;
  const auto bias = random_values<float>(embed::kEmbeddingDim, 15);
  const DeviceMemory device_scale(scale), device_shift(shift), device_weight(weight), device_bias(bias);
  for (const Head head : {Head::L2, Head::Linear, Head::Sigmoid}) {
    for (const auto& [count, pixels] : {std::pair{1, 4}, std::pair{3, 1}, std::pair{4, 6}}) {
      const auto size = static_cast<std::size_t>(count * pixels) * c;
      const auto values = random_values<TypeParam>(size, 16), carried = random_values<TypeParam>(size, 17);
      std::vector<float> out(static_cast<std::size_t>(count) * embed::kEmbeddingDim);
      const DeviceMemory device_values(values), device_carried(carried);
      DeviceMemory device_out(out);
      Tail step{NumberOf<TypeParam>::kNumber,
                device_values.template as<char>(),
                device_carried.template as<char>(),
                count,
                pixels,
                device_scale.template as<float>(),
                device_shift.template as<float>(),
                device_weight.template as<float>(),
                device_bias.template as<float>(),
                head,
                static_cast<float*>(device_out.get())};
      launch(step, nullptr);
      step.values = values.data(), step.carried = carried.data(), step.scale = scale.data(),
      step.shift = shift.data();
      step.dense_weight = weight.data(), step.dense_bias = bias.data(), step.out = out.data();
      on_cpu::run(step);
      const auto got = device_out.template read<float>();
      for (std::size_t i = 0; i < out.size(); ++i) {
        ASSERT_NEAR(got[i], out[i], 2e-5 * (1 + std::abs(out[i])))
            << embed::to_string(head) << ", face " << i / 128;
      }
    }
  }
}

/// Cuts by the kernel, [regions, height, width, channels].
std::vector<std::uint8_t> cut(const fixtures::Pixels& image, const std::vector<embed::FaceRegion>& regions,
                              const embed::InputSpec& input) {
  embed::ImageView view = image.view();
  std::vector<FaceCrop> faces;
  for (const auto& region : regions) faces.push_back(face_crop(view, region, input));
  std::vector<DeviceMemory> planes;
  for (std::size_t i = 0; i < 3 && view.planes[i] != nullptr; ++i) planes.emplace_back(image.planes[i]);
  for (std::size_t i = 0; i < planes.size(); ++i) {
    view.planes[i] = planes[i].as<std::uint8_t>() + (view.planes[i] - image.planes[i].data());
  }
  const std::vector<float> ones(3, 1.0F), zeros(3);
  const int cell = cells::channels(input.channels), row_cells = cells::stored(input.width);
  const DeviceMemory device_faces(faces), device_scale(ones), device_shift(zeros);
  DeviceMemory out(std::vector<float>(
      regions.size() * static_cast<std::size_t>(cells::stored(input.height) * row_cells * cell)));
  CropFaces step;
  step.frame = frame_of(view, input);
  step.faces = device_faces.as<FaceCrop>();
  step.count = static_cast<int>(regions.size());
  step.out = {out.get(),
              Number::F32,
              input.height,
              input.width,
              input.channels,
              device_scale.as<float>(),
              device_shift.as<float>()};
  launch(step, nullptr);
  const auto values = out.read<float>();
  std::vector<std::uint8_t> bytes;
  for (int n = 0; n < step.count; ++n) {
    for (int y = 0; y < input.height; ++y) {
      for (int x = 0; x < input.width; ++x) {
        const int at = ((n * cells::stored(input.height) + y / 2 + cells::kBefore) * row_cells + x / 2 +
                        cells::kBefore) *
                           cell +
                       (y % 2 * 2 + x % 2) * input.channels;
        for (int c = 0; c < input.channels; ++c)
          bytes.push_back(static_cast<std::uint8_t>(values[static_cast<std::size_t>(at + c)]));
      }
    }
  }
  return bytes;
}

/// Faces of all sizes: enlarged, reduced, turned, half outside, far outside, as large as the frame.
std::vector<embed::FaceRegion> faces_of_all_sizes(float width, float height) {
  std::vector<embed::FaceRegion> regions(6);
  regions[0].box = {30, 20, 40, 45};
  regions[1].box = {0, 0, width, height};
  regions[2].box = {width - 50, height - 60, 130, 120};
  regions[3].box = {-5000, 200, 90, 90};
  regions[4].box = {0.1F * width, 0.1F * height, 0.8F * width, 0.8F * height};
  regions[4].landmarks = embed::Landmarks{{{0.3F * width, 0.3F * height},
                                           {0.6F * width, 0.42F * height},
                                           {0.4F * width, 0.5F * height},
                                           {0.26F * width, 0.6F * height},
                                           {0.5F * width, 0.7F * height}}};
  regions[5].box = {60, 50, 70, 70};
  regions[5].landmarks = embed::Landmarks{{{80, 74}, {112, 70}, {97, 88}, {84, 108}, {112, 105}}};
  return regions;
}

void expect_crops(const fixtures::Pixels& image, const embed::InputSpec& input, const std::string& what) {
  const auto regions = faces_of_all_sizes(static_cast<float>(image.width), static_cast<float>(image.height));
  const auto got = cut(image, regions, input);
  std::vector<std::uint8_t> expected(embed::crop_bytes(input));
  for (std::size_t n = 0; n < regions.size(); ++n) {
    embed::crop_face(image.view(), regions[n], input, expected.data());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      ASSERT_NEAR(got[n * expected.size() + i], expected[i], 1) << what << ", face " << n << ", byte " << i;
    }
  }
}

class CropKernel : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!DeviceMemory::available()) GTEST_SKIP() << "no usable CUDA device";
  }
};

TEST_F(CropKernel, CutsAllFormatsAsCropFaceDoes) {
  for (const embed::PixelFormat format : fixtures::all_formats()) {
    for (const int channels : {3, 1}) {
      embed::InputSpec input = fixtures::default_input();
      input.channels = channels;
      expect_crops(fixtures::make_image(format, 321, 243, 4, 5), input, fixtures::format_name(format));
      input.bgr = true;
      expect_crops(fixtures::make_image(format, 200, 150, 0, 6), input, fixtures::format_name(format));
    }
  }
}

TEST_F(CropKernel, KnowsTheMatricesOfYuv) {
  for (const auto matrix : fixtures::all_matrices()) {
    for (const auto range : {embed::PixelRange::Limited, embed::PixelRange::Full}) {
      auto image = fixtures::make_image(embed::PixelFormat::Nv12, 160, 120, 0, 7);
      image.matrix = matrix;
      image.range = range;
      expect_crops(image, fixtures::default_input(), "matrix");
    }
  }
}

TEST_F(CropKernel, KnowsLimitedRange) {
  for (const embed::PixelFormat format : fixtures::all_formats()) {
    for (const int channels : {3, 1}) {
      embed::InputSpec input = fixtures::default_input();
      input.channels = channels;
      // Full-range bytes, of which some lie beyond limited range.
      auto image = fixtures::make_image(format, 160, 120, 4, 7);
      image.range = embed::PixelRange::Limited;
      expect_crops(image, input, fixtures::format_name(format));
    }
  }
}

TEST_F(CropKernel, FollowsTheCropRuleAndOddSizes) {
  const auto image = fixtures::make_image(embed::PixelFormat::I420, 333, 250, 0, 8);
  embed::InputSpec input = fixtures::default_input();
  input.width = 49, input.height = 35;
  expect_crops(image, input, "49x35");
  input.crop.alignment = embed::Alignment::Whole;
  expect_crops(image, input, "whole");
  input.crop.alignment = embed::Alignment::Box;
  input.crop.pad_right_bottom = true;
  input.width = input.height = 112;
  expect_crops(image, input, "padded");
}

TEST(CropStep, RefusesRegionsThatNoTileHolds) {
  embed::ImageView view;
  view.width = view.height = 100;
  embed::InputSpec input = fixtures::default_input();
  input.width = input.height = 16;
  input.crop.alignment = embed::Alignment::Box;
  embed::FaceRegion region;
  region.box = {0, 0, 400000, 400000};
  EXPECT_THROW(face_crop(view, region, input), embed::Error);
  region.box = {0, 0, 100000, 100000};
  EXPECT_EQ(face_crop(view, region, input).cell_x, 4096);
}

}  // namespace
