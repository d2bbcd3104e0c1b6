// SPDX-License-Identifier: LGPL-2.1-or-later
#include "jpeg_artifacts.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

namespace training {

namespace {

constexpr int kSide = 8;
using Block = std::array<float, kSide * kSide>;

// T.81, tables K.1 and K.2, row by row.
constexpr std::array<int, kSide* kSide> kLuma = {
    16, 11,  10,  16, 24, 40, 51, 61, 12,  12,  14,  19,  26, 58, 60, 55,  14,  13,  16,  24, 40, 57,
    69, 56,  14,  17, 22, 29, 51, 87, 80,  62,  18,  22,  37, 56, 68, 109, 103, 77,  24,  35, 55, 64,
    81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98,  112, 100, 103, 99};
constexpr std::array<int, kSide* kSide> kChroma = {
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99,
    99, 99, 47, 66, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99};

Block scaled(const std::array<int, kSide * kSide>& table, int quality) {
  const int percent = quality < 50 ? 5000 / quality : 200 - 2 * quality;
  Block steps{};
  for (std::size_t i = 0; i < steps.size(); ++i) {
    steps[i] = static_cast<float>(std::clamp((table[i] * percent + 50) / 100, 1, 255));
  }
  return steps;
}

/// Row k holds the k-th cosine of T.81's transform at the eight places.
const Block& cosines() {
  static const Block table = [] {
    Block values{};
    for (int k = 0; k < kSide; ++k) {
      for (int x = 0; x < kSide; ++x) {
        values[static_cast<std::size_t>(k * kSide + x)] =
            static_cast<float>((k == 0 ? std::sqrt(0.125) : 0.5) * std::cos((2 * x + 1) * k * M_PI / 16));
      }
    }
    return values;
  }();
  return table;
}

/// a·b, or with `transposed` aᵀ·b; both 8×8.
Block product(const Block& a, const Block& b, bool transposed) {
  Block result{};
  for (std::size_t i = 0; i < kSide; ++i) {
    for (std::size_t k = 0; k < kSide; ++k) {
      const float factor = transposed ? a[k * kSide + i] : a[i * kSide + k];
      for (std::size_t j = 0; j < kSide; ++j) result[i * kSide + j] += factor * b[k * kSide + j];
    }
  }
  return result;
}

Block turned(const Block& block) {
  Block result{};
  for (std::size_t i = 0; i < kSide; ++i) {
    for (std::size_t j = 0; j < kSide; ++j) result[j * kSide + i] = block[i * kSide + j];
  }
  return result;
}

void quantise(Block& block, const Block& steps) {
  const Block& c = cosines();
  for (float& value : block) value -= 128;
  Block frequencies = turned(product(c, turned(product(c, block, false)), false));
  for (std::size_t i = 0; i < frequencies.size(); ++i)
    frequencies[i] = std::nearbyint(frequencies[i] / steps[i]) * steps[i];
  block = turned(product(c, turned(product(c, frequencies, true)), true));
  for (float& value : block) value = std::clamp(std::nearbyint(value + 128), 0.0F, 255.0F);
}

/// One colour component, row by row.
struct Plane {
  Plane(int w, int h)
      : width(w), height(h), values(static_cast<std::size_t>(w) * static_cast<std::size_t>(h)) {}
  float& at(int x, int y) {
    return values[static_cast<std::size_t>(y) * static_cast<std::size_t>(width) +
                  static_cast<std::size_t>(x)];
  }
  float& near(int x, int y) { return at(std::min(x, width - 1), std::min(y, height - 1)); }

  int width, height;
  std::vector<float> values;
};

void quantise(Plane& plane, const Block& steps) {
  for (int top = 0; top < plane.height; top += kSide) {
    for (int left = 0; left < plane.width; left += kSide) {
      Block block{};
      for (int i = 0; i < kSide * kSide; ++i)
        block[static_cast<std::size_t>(i)] = plane.near(left + i % kSide, top + i / kSide);
      quantise(block, steps);
      for (int i = 0; i < kSide * kSide; ++i) {
        const int x = left + i % kSide, y = top + i / kSide;
        if (x < plane.width && y < plane.height) plane.at(x, y) = block[static_cast<std::size_t>(i)];
      }
    }
  }
}

/// The mean of each 2×2 pixels.
Plane halved(Plane& full) {
  Plane half((full.width + 1) / 2, (full.height + 1) / 2);
  for (int y = 0; y < half.height; ++y) {
    for (int x = 0; x < half.width; ++x) {
      half.at(x, y) = std::nearbyint((full.near(2 * x, 2 * y) + full.near(2 * x + 1, 2 * y) +
                                      full.near(2 * x, 2 * y + 1) + full.near(2 * x + 1, 2 * y + 1)) /
                                     4);
    }
  }
  return half;
}

/// Twice as wide and high, weights 3/4 and 1/4 along each axis as decoders interpolate colour.
float doubled(Plane& half, int x, int y) {
  const auto neighbour = [](int at, int end) {
    return std::clamp(at / 2 + (at % 2 == 0 ? -1 : 1), 0, end - 1);
  };
  const int other_x = neighbour(x, half.width), other_y = neighbour(y, half.height);
  const float near_row = 0.75F * half.at(x / 2, y / 2) + 0.25F * half.at(other_x, y / 2);
  const float far_row = 0.75F * half.at(x / 2, other_y) + 0.25F * half.at(other_x, other_y);
  return 0.75F * near_row + 0.25F * far_row;
}

void colour_artifacts(std::vector<float>& picture, int width, int height, int quality) {
  Plane luma(width, height), blue(width, height), red(width, height);
  for (std::size_t i = 0; i < luma.values.size(); ++i) {
    const float r = picture[3 * i], g = picture[3 * i + 1], b = picture[3 * i + 2];
    // Rounded as the file format has it: the planes hold bytes.
    luma.values[i] = std::nearbyint(0.299F * r + 0.587F * g + 0.114F * b);
    blue.values[i] = std::nearbyint(128 - 0.168736F * r - 0.331264F * g + 0.5F * b);
    red.values[i] = std::nearbyint(128 + 0.5F * r - 0.418688F * g - 0.081312F * b);
  }
  Plane half_blue = halved(blue), half_red = halved(red);
  quantise(luma, scaled(kLuma, quality));
  const Block chroma = scaled(kChroma, quality);
  quantise(half_blue, chroma);
  quantise(half_red, chroma);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const float light = luma.at(x, y), cb = doubled(half_blue, x, y) - 128,
                  cr = doubled(half_red, x, y) - 128;
      float* pixel = picture.data() + 3 * (static_cast<std::size_t>(y) * static_cast<std::size_t>(width) +
                                           static_cast<std::size_t>(x));
      pixel[0] = std::clamp(light + 1.402F * cr, 0.0F, 255.0F);
      pixel[1] = std::clamp(light - 0.344136F * cb - 0.714136F * cr, 0.0F, 255.0F);
      pixel[2] = std::clamp(light + 1.772F * cb, 0.0F, 255.0F);
    }
  }
}

}  // namespace

void jpeg_artifacts(std::vector<float>& picture, int width, int height, int channels, int quality) {
  quality = std::clamp(quality, 1, 100);
  if (channels == 3) {
    colour_artifacts(picture, width, height, quality);
    return;
  }
  Plane grey(width, height);
  grey.values.swap(picture);
  quantise(grey, scaled(kLuma, quality));
  picture.swap(grey.values);
}

}  // namespace training
