// SPDX-License-Identifier: LGPL-2.1-or-later
// Convolutions of all shapes and kernels; Winograd's: weights that are transformed in a pass beside those
// that are kept transformed.
#include "net/cpu/conv_layer.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>
#include <random>
#include <vector>

#include "all_kernels.h"
#include "net/cpu/train_kernels.h"

namespace {

using embed::cpu::AlignedBuffer;
using embed::cpu::Arena;
using embed::cpu::ConvLayer;
using embed::cpu::ConvOutput;
using embed::cpu::ConvScratch;
using embed::cpu::ConvWeights;
using embed::cpu::Kernels;
using embed::cpu::Number;
using embed::cpu::Plane;
using embed::cpu::WinogradCall;

std::size_t size(std::int64_t count) {
  return static_cast<std::size_t>(count);
}

/// Memory that ends where the next byte is nobody's: who reads or writes behind it dies of it.
class Fenced {
 public:
  explicit Fenced(std::size_t size) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const std::size_t pages = (size + page - 1) / page * page;
    mapped_ = pages + page;
    void* base = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) throw std::bad_alloc();
    base_ = static_cast<std::uint8_t*>(base);
    if (mprotect(base_ + pages, page, PROT_NONE) != 0) throw std::bad_alloc();
    bytes_ = base_ + pages - size;
  }
  ~Fenced() { munmap(base_, mapped_); }
  Fenced(const Fenced&) = delete;
  Fenced& operator=(const Fenced&) = delete;

  std::uint8_t* bytes() const { return bytes_; }

 private:
  std::uint8_t *base_ = nullptr, *bytes_ = nullptr;
  std::size_t mapped_ = 0;
};

/// The bits of a number that a float16 holds with a leading one, or of zero.
std::uint16_t float16(float value) {
  if (value == 0) return 0;
  int exponent = 0;
  const double fraction = std::frexp(std::abs(static_cast<double>(value)), &exponent);
  return static_cast<std::uint16_t>((value < 0 ? 0x8000 : 0) + ((exponent + 14) << 10) +
                                    (static_cast<int>(fraction * 2048) & 1023));
}

/// Pictures of small whole numbers, which every kind of number holds.
class Pictures {
 public:
  Pictures(const Kernels& kernels, std::int64_t images, const Plane& plane)
      : plane_(plane),
        padded_(size(images * plane.image_bytes())),
        values_(size(images * plane.pixels() * plane.channels)) {
    std::memset(padded_.bytes(), zero_byte(kernels), size(images * plane.image_bytes()));
    std::mt19937 random(5);
    for (std::size_t i = 0; i < values_.size(); ++i) {
      const float value = static_cast<float>(random() % 17) - (kernels.number == Number::U8 ? 0 : 8);
      values_[i] = value;
      const auto number = static_cast<std::int64_t>(i), pixel = number / plane.channels;
      const std::int64_t image = pixel / plane.pixels(), place = pixel % plane.pixels();
      std::uint8_t* to = padded_.bytes() + image * plane.image_bytes() +
                         plane.at(place / plane.width, place % plane.width) +
                         number % plane.channels * plane.number_bytes;
      if (kernels.number == Number::U8) {
        *to = static_cast<std::uint8_t>(value) ^ zero_byte(kernels);
        continue;
      }
      if (kernels.number == Number::F16) {
        const std::uint16_t bits = float16(value);
        std::memcpy(to, &bits, sizeof bits);
        continue;
      }
      // A bfloat16 is the upper half of a float.
      std::uint8_t bytes[sizeof value];
      std::memcpy(bytes, &value, sizeof value);
      std::memcpy(to, bytes + (kernels.number == Number::BF16 ? 2 : 0), size(plane.number_bytes));
    }
  }

  const std::uint8_t* padded() const { return padded_.bytes(); }
  const Plane& plane() const { return plane_; }
  double at(std::int64_t image, std::int64_t y, std::int64_t x, std::int64_t channel) const {
    if (y < 0 || x < 0 || y >= plane_.height || x >= plane_.width) return 0;
    return values_[size(((image * plane_.height + y) * plane_.width + x) * plane_.channels + channel)];
  }

 private:
  Plane plane_;
  Fenced padded_;
  std::vector<float> values_;
};

std::int64_t strided(std::int64_t size, std::int64_t stride) {
  return (size - 1) / stride + 1;
}

/// The weights as [tap][in][out].
template <typename T>
std::vector<T> by_tap(const ConvWeights& weights) {
  const std::int64_t area = weights.kernel * weights.kernel;
  std::vector<T> result(weights.values.size());
  const float* weight = weights.values.data();
  for (std::int64_t o = 0; o < weights.out; ++o) {
    for (std::int64_t i = 0; i < weights.in; ++i) {
      for (std::int64_t tap = 0; tap < area; ++tap) {
        result[size((tap * weights.in + i) * weights.out + o)] = static_cast<T>(*weight++);
      }
    }
  }
  return result;
}

/// Pixel by pixel, in double: [images][pixels][out].
std::vector<double> convolved(const Pictures& pictures, std::int64_t images, const ConvWeights& weights) {
  const Plane& plane = pictures.plane();
  const std::int64_t height = strided(plane.height, weights.stride),
                     width = strided(plane.width, weights.stride);
  const std::int64_t area = weights.kernel * weights.kernel, border = weights.kernel / 2;
  // The inner loop goes through numbers that lie side by side.
  const std::vector<double> weight = by_tap<double>(weights);
  std::vector<double> result(size(images * height * width * weights.out));
  for (std::int64_t row = 0; row < images * height * width; ++row) {
    const std::int64_t image = row / (height * width), pixel = row % (height * width);
    const std::int64_t top = pixel / width * weights.stride - border,
                       left = pixel % width * weights.stride - border;
    double* sums = result.data() + row * weights.out;
    for (std::int64_t tap = 0; tap < area; ++tap) {
      for (std::int64_t i = 0; i < weights.in; ++i) {
        const double value = pictures.at(image, top + tap / weights.kernel, left + tap % weights.kernel, i);
        const double* of_input = weight.data() + (tap * weights.in + i) * weights.out;
        for (std::int64_t o = 0; o < weights.out; ++o) sums[o] += value * of_input[o];
      }
    }
  }
  return result;
}

/// Largest difference in units of the reference's largest value.
double error(const std::vector<float>& got, const std::vector<double>& right) {
  double most = 0, largest = 0;
  for (std::size_t i = 0; i < right.size(); ++i) {
    most = std::max(most, std::abs(static_cast<double>(got[i]) - right[i]));
    largest = std::max(largest, std::abs(right[i]));
  }
  return most / largest;
}

double tolerance(const Kernels& kernels) {
  return kernels.number == Number::F32 ? 2e-5 : 2e-2;
}

/// Multiples of `unit`, up to 11 bits of them: what a float16 holds.
ConvWeights made_up_weights(std::int64_t out, std::int64_t in, int most, float unit) {
  ConvWeights weights{{}, out, in, 3, 1};
  std::mt19937 random(7);
  for (std::int64_t i = 0; i < out * in * 9; ++i) {
    weights.values.push_back(
        static_cast<float>(static_cast<int>(random() % static_cast<unsigned>(2 * most + 1)) - most) * unit);
  }
  return weights;
}

/// The sums of the layer, computed by `members` one after the other.
std::vector<float> sums(const ConvLayer& layer, const Pictures& pictures, std::int64_t images,
                        std::int64_t channels, int members, std::int64_t stride = 1) {
  const Plane& plane = pictures.plane();
  std::vector<float> result(
      size(images * strided(plane.height, stride) * strided(plane.width, stride) * channels));
  ConvScratch scratch{AlignedBuffer(layer.transformed_bytes()), AlignedBuffer(layer.filter_bytes()),
                      AlignedBuffer(layer.product_bytes())};
  ConvOutput to{};
  to.raw = result.data();
  for (int member = 0; member < members; ++member) {
    layer.compute(pictures.padded(), images, to, {member, members}, scratch);
  }
  return result;
}

struct Shape {
  std::int64_t in, out, height, width;
};

/// Large enough that transformed weights are not kept; tiles of 4×4, and of 2×2.
std::vector<Shape> large_shapes(const Kernels& kernels) {
  // Where filters cost something, few tiles go without them.
  if (kernels.filter_tiles > 0 && kernels.number != Number::F32) return {{512, 256, 6, 5}};
  if (kernels.filter_tiles > 0) return {{128, 128, 8, 6}, {512, 128, 6, 5}};
  if (kernels.number == Number::BF16) return {{512, 256, 4, 3}};
  return {{128, 128, 8, 6}, {512, 256, 4, 3}};
}

TEST(ConvLayer, TransformsWeightsOfEveryFloat16) {
  struct Weights {
    int most;
    float unit;
  };
  // Ordinary ones, the smallest (without a leading one), and the largest.
  const Weights kinds[] = {{2047, 0x1p-14F}, {1023, 0x1p-24F}, {2047, 32}};
  for (const Kernels* kernels : all_kernels()) {
    if (kernels->winograd == nullptr) continue;
    for (const Shape& shape : large_shapes(*kernels)) {
      const Plane plane{shape.height, shape.width, shape.in, 1, embed::cpu::size_of(kernels->number), 3};
      Arena arena;
      const Pictures pictures(*kernels, 2, plane);
      for (const Weights& kind : kinds) {
        // Sums of these are more than a float16 holds.
        if (kernels->number == Number::F16 && kind.unit > 1) continue;
        const ConvWeights weights = made_up_weights(shape.out, shape.in, kind.most, kind.unit);
        const ConvLayer layer(*kernels, weights, {}, plane, arena);
        EXPECT_GT(layer.filter_bytes(), 0U) << kernels->name << ' ' << shape.in << ' ' << kind.unit;
        EXPECT_LE(error(sums(layer, pictures, 2, shape.out, 1), convolved(pictures, 2, weights)),
                  tolerance(*kernels))
            << kernels->name << ' ' << shape.in << ' ' << kind.unit;
      }
    }
  }
}

TEST(ConvLayer, KeepsWeightsTransformedThatNoFloat16Holds) {
  for (const Kernels* kernels : all_kernels()) {
    if (kernels->winograd == nullptr) continue;
    for (const Shape& shape : large_shapes(*kernels)) {
      const Plane plane{shape.height, shape.width, shape.in, 1, embed::cpu::size_of(kernels->number), 3};
      Arena arena;
      const Pictures pictures(*kernels, 2, plane);
      // One bit too many, half of the smallest, twice the largest, and what is no number.
      for (const float odd : {1 + 0x1p-11F, 0x1p-25F, 0x1.8p-24F, 65536.0F, std::nanf("")}) {
        ConvWeights weights = made_up_weights(shape.out, shape.in, 2047, 0x1p-14F);
        weights.values.back() = odd;
        const ConvLayer layer(*kernels, weights, {}, plane, arena);
        EXPECT_EQ(layer.filter_bytes(), 0U) << kernels->name << ' ' << odd;
        if (odd != 0x1p-25F) continue;
        EXPECT_LE(error(sums(layer, pictures, 2, shape.out, 1), convolved(pictures, 2, weights)),
                  tolerance(*kernels))
            << kernels->name << ' ' << shape.in;
      }
    }
  }
}

TEST(ConvLayer, GoesWithoutCostlyFiltersForFewTiles) {
  for (const Kernels* kernels : all_kernels()) {
    if (kernels->winograd == nullptr) continue;
    const Plane plane{3, 3, 512, 1, embed::cpu::size_of(kernels->number), 3};
    Arena arena;
    const ConvLayer layer(*kernels, made_up_weights(256, 512, 2047, 0x1p-14F), {}, plane, arena);
    EXPECT_EQ(layer.product_bytes() == 0, kernels->filter_tiles > 0) << kernels->name;
  }
}

TEST(ConvLayer, NeitherMembersNorPicturesChangeABit) {
  for (const Kernels* kernels : all_kernels()) {
    if (kernels->winograd == nullptr) continue;
    for (const Shape& shape : large_shapes(*kernels)) {
      const std::int64_t images = 13;
      const Plane plane{shape.height, shape.width, shape.in, 1, embed::cpu::size_of(kernels->number), 3};
      Arena arena;
      const Pictures pictures(*kernels, images, plane);
      const ConvLayer layer(*kernels, made_up_weights(shape.out, shape.in, 2047, 0x1p-14F), {}, plane, arena);
      ASSERT_GT(layer.filter_bytes(), 0U);
      const std::vector<float> one = sums(layer, pictures, 1, shape.out, 1);
      for (const int members : {1, 2, 3}) {
        for (const std::int64_t count : {std::int64_t{1}, std::int64_t{2}, std::int64_t{8}, images}) {
          const std::vector<float> got = sums(layer, pictures, count, shape.out, members);
          EXPECT_EQ(std::memcmp(got.data(), one.data(), one.size() * sizeof(float)), 0)
              << kernels->name << ' ' << shape.in << ' ' << members << ' ' << count;
        }
      }
    }
  }
}

/// Whole numbers up to 127, which each output channel has: every kind of number holds them, and their sums
/// too.
ConvWeights whole_numbers(std::int64_t out, std::int64_t in, std::int64_t kernel, std::int64_t stride) {
  ConvWeights weights{{}, out, in, kernel, stride};
  std::mt19937 random(7);
  for (std::int64_t i = 0; i < out * in * kernel * kernel; ++i) {
    weights.values.push_back(i % (in * kernel * kernel) == 0 ? 127
                                                             : static_cast<float>(random() % 255) - 127);
  }
  return weights;
}

// Rows of pixels that end within a tile, several in one, and more than fill one; a single pixel.
TEST(ConvLayer, GivesTheSumsOfEveryShape) {
  const Shape shapes[] = {{64, 64, 1, 1},    {64, 64, 1, 5}, {64, 64, 6, 1},  {64, 128, 3, 3},
                          {128, 64, 4, 4},   {64, 64, 7, 7}, {64, 64, 5, 17}, {64, 64, 2, 33},
                          {64, 128, 14, 14}, {64, 64, 3, 48}};
  for (const Kernels* kernels : all_kernels()) {
    for (const Shape& shape : shapes) {
      for (const std::int64_t kernel : {1, 3}) {
        for (const std::int64_t stride : {1, 2}) {
          const Plane plane{shape.height, shape.width, shape.in, 1, embed::cpu::size_of(kernels->number), 3};
          const Pictures pictures(*kernels, 5, plane);
          const ConvWeights weights = whole_numbers(shape.out, shape.in, kernel, stride);
          Arena arena;
          const std::vector<float> unit(kernels->number == Number::U8 ? size(shape.in) : 0, 1.0F);
          const ConvLayer layer(*kernels, weights, unit, plane, arena);
          for (const std::int64_t images : {1, 5}) {
            const std::vector<double> right = convolved(pictures, images, weights);
            for (const int members : {1, 3}) {
              const std::vector<float> got = sums(layer, pictures, images, shape.out, members, stride);
              const bool rounded = layer.product_bytes() > 0 || kernels->number == Number::F16;
              EXPECT_LE(error(got, right), rounded ? tolerance(*kernels) : 0)
                  << kernels->name << ' ' << shape.in << ' ' << shape.height << 'x' << shape.width << ' '
                  << kernel << '/' << stride << ' ' << images << ' ' << members;
            }
          }
        }
      }
    }
  }
}

/// The filters of one call, transformed beforehand, as training does it.
AlignedBuffer transformed(const Kernels& kernels, const ConvWeights& weights, std::int64_t m) {
  const std::vector<float> taps = by_tap<float>(weights);
  AlignedBuffer packed(size((m + 2) * (m + 2) * weights.out * weights.in / kernels.group * 4));
  embed::cpu::WeightsCall call{};
  call.m = m;
  call.weights = taps.data();
  call.tap_stride = weights.in * weights.out;
  call.in_stride = weights.out;
  call.in = weights.in;
  call.out = weights.out;
  call.packed = packed.bytes();
  kernels.train->transform_weights(call, 0, weights.in);
  return packed;
}

/// Multiples of 2⁻¹⁰ below 2 in the order of WinogradCall::filters.
AlignedBuffer filters(const Kernels& kernels, const ConvWeights& weights) {
  AlignedBuffer packed(size(weights.out * weights.in * 9 * 2));
  for (std::int64_t o = 0; o < weights.out; ++o) {
    for (std::int64_t tap = 0; tap < weights.in * 9; ++tap) {
      const std::uint16_t bits = float16(weights.values[size(o * weights.in * 9 + tap)]);
      std::memcpy(packed.bytes() +
                      2 * ((o / kernels.block * weights.in * 9 + tap) * kernels.block + o % kernels.block),
                  &bits, sizeof bits);
    }
  }
  return packed;
}

/// What a call writes for some tiles of one picture.
class Tiles {
 public:
  Tiles(const Kernels& kernels, const ConvWeights& weights, std::int64_t m, std::int64_t count)
      : kernels_(kernels),
        pictures_(kernels, 1, {m, count * m, weights.in, 1, embed::cpu::size_of(kernels.number), 3}) {
    const std::int64_t points = (m + 2) * (m + 2), words = weights.in / kernels.group;
    const std::int64_t gap = embed::cpu::kPointGap;
    transformed_ = AlignedBuffer(size(points * (count * words * 4 + gap)));
    at_points_ = AlignedBuffer(size(points * (embed::cpu::kFilterBytes * kernels.block + gap)));
    products_ = AlignedBuffer(size(points * count * kernels.block * 4));
    const Plane& plane = pictures_.plane();
    call_.m = m;
    call_.input = pictures_.padded();
    call_.input_image = plane.image_bytes();
    call_.input_row = plane.row_bytes();
    call_.input_pixel = plane.pixel_bytes();
    call_.words = words;
    call_.height = plane.height;
    call_.width = plane.width;
    call_.tiles_across = call_.tiles = call_.last_tile = count;
    call_.last_block = weights.out / kernels.block;
    call_.transformed = transformed_.bytes();
    call_.transformed_filters = at_points_.bytes();
    call_.products = products_.floats();
    call_.to.channels = weights.out;
    call_.to.pixels = plane.pixels();
  }

  std::vector<float> sums(const std::uint8_t* weights, const std::uint8_t* filters) {
    std::vector<float> result(size(call_.to.pixels * call_.to.channels));
    call_.weights = weights;
    call_.filters = reinterpret_cast<const std::uint16_t*>(filters);
    call_.to.raw = result.data();
    kernels_.winograd(call_);
    return result;
  }

 private:
  const Kernels& kernels_;
  Pictures pictures_;
  AlignedBuffer transformed_, at_points_, products_;
  WinogradCall call_{};
};

TEST(Winograd, TransformingInThePassOrBeforeItIsTheSameToTheBit) {
  for (const Kernels* kernels : all_kernels()) {
    if (kernels->winograd == nullptr || kernels->train == nullptr) continue;
    for (const std::int64_t m : {2, 4}) {
      // Less than a lot of words, whole lots, and one that is not full.
      for (const std::int64_t in : {32, 128, 176}) {
        const ConvWeights weights = made_up_weights(2 * kernels->block, in, 2047, 0x1p-10F);
        const AlignedBuffer before = transformed(*kernels, weights, m), plain = filters(*kernels, weights);
        for (const std::int64_t tiles : {1, 4, 9, 32}) {
          Tiles call(*kernels, weights, m, tiles);
          EXPECT_EQ(call.sums(before.bytes(), nullptr), call.sums(nullptr, plain.bytes()))
              << kernels->name << ", m " << m << ", in " << in << ", tiles " << tiles;
        }
      }
    }
  }
}

}  // namespace
