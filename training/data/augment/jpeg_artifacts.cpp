// SPDX-License-Identifier: LGPL-2.1-or-later
#include "data/augment/jpeg_artifacts.h"

#include <algorithm>
#include <cstddef>

#include "data/augment/jpeg_tables.h"

namespace training {

const JpegTables& jpeg_tables() {
  static const JpegTables tables = [] {
    JpegTables made = {
        {},
        {16, 11,  10,  16, 24, 40, 51, 61, 12,  12,  14,  19,  26, 58, 60, 55,  14,  13,  16,  24, 40, 57,
         69, 56,  14,  17, 22, 29, 51, 87, 80,  62,  18,  22,  37, 56, 68, 109, 103, 77,  24,  35, 55, 64,
         81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98,  112, 100, 103, 99},
        {17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99,
         99, 99, 47, 66, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
         99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99}};
    for (int k = 0; k < kJpegSide; ++k) {
      for (int x = 0; x < kJpegSide; ++x) {
        made.cosines[k * kJpegSide + x] =
            static_cast<float>((k == 0 ? std::sqrt(0.125) : 0.5) * std::cos((2 * x + 1) * k * M_PI / 16));
      }
    }
    return made;
  }();
  return tables;
}

namespace {

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

void quantise(Plane& plane, const std::uint8_t* table, int quality) {
  for (int top = 0; top < plane.height; top += kJpegSide) {
    for (int left = 0; left < plane.width; left += kJpegSide) {
      float block[kJpegSide * kJpegSide];
      for (int i = 0; i < kJpegSide * kJpegSide; ++i)
        block[i] = plane.near(left + i % kJpegSide, top + i / kJpegSide);
      jpeg_quantise(jpeg_tables(), table, quality, block);
      for (int i = 0; i < kJpegSide * kJpegSide; ++i) {
        const int x = left + i % kJpegSide, y = top + i / kJpegSide;
        if (x < plane.width && y < plane.height) plane.at(x, y) = block[i];
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

void colour_artifacts(std::vector<float>& picture, int width, int height, int quality) {
  Plane luma(width, height), blue(width, height), red(width, height);
  for (std::size_t i = 0; i < luma.values.size(); ++i) {
    const float r = picture[3 * i], g = picture[3 * i + 1], b = picture[3 * i + 2];
    luma.values[i] = jpeg_luma(r, g, b);
    blue.values[i] = jpeg_blue(r, g, b);
    red.values[i] = jpeg_red(r, g, b);
  }
  Plane half_blue = halved(blue), half_red = halved(red);
  quantise(luma, jpeg_tables().luma, quality);
  quantise(half_blue, jpeg_tables().chroma, quality);
  quantise(half_red, jpeg_tables().chroma, quality);
  float* pixel = picture.data();
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x, pixel += 3) {
      const auto doubled = [&](const Plane& half) {
        return jpeg_doubled(half.values.data(), half.width, half.height, x, y) - 128;
      };
      jpeg_rgb(luma.at(x, y), doubled(half_blue), doubled(half_red), pixel);
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
  quantise(grey, jpeg_tables().luma, quality);
  picture.swap(grey.values);
}

}  // namespace training
