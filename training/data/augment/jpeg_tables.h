// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

/// What baseline JPEG (ITU-T T.81) loses, for one block and one pixel: YCbCr with half the colour resolution,
/// 8×8 cosine transform, division by the standard's example tables (annex K) scaled by the quality as the
/// Independent JPEG Group's library scales them, rounding, and back. Entropy coding is lossless and left out.
/// Sides that are no multiple of the block are continued by their last pixels.

#include <cmath>
#include <cstdint>

#include "data/augment/host_device.h"

namespace training {

constexpr int kJpegSide = 8;

/// Plain numbers, that a kernel takes as an argument.
struct JpegTables {
  float cosines[kJpegSide * kJpegSide] =
      {};  ///< Row k: the k-th cosine of T.81's transform at the eight places.
  std::uint8_t luma[kJpegSide * kJpegSide] = {};    ///< T.81, table K.1, row by row.
  std::uint8_t chroma[kJpegSide * kJpegSide] = {};  ///< K.2
};
const JpegTables& jpeg_tables();

/// Rounded as the file format has it: the planes hold bytes.
TRAINING_HOST_DEVICE inline float jpeg_luma(float r, float g, float b) {
  return nearbyintf(0.299F * r + 0.587F * g + 0.114F * b);
}
TRAINING_HOST_DEVICE inline float jpeg_blue(float r, float g, float b) {
  return nearbyintf(128 - 0.168736F * r - 0.331264F * g + 0.5F * b);
}
TRAINING_HOST_DEVICE inline float jpeg_red(float r, float g, float b) {
  return nearbyintf(128 + 0.5F * r - 0.418688F * g - 0.081312F * b);
}

TRAINING_HOST_DEVICE inline float jpeg_level(float value) {
  return value < 0.0F ? 0.0F : value > 255.0F ? 255.0F : value;
}

/// `blue` and `red` less 128.
TRAINING_HOST_DEVICE inline void jpeg_rgb(float luma, float blue, float red, float* rgb) {
  rgb[0] = jpeg_level(luma + 1.402F * red);
  rgb[1] = jpeg_level(luma - 0.344136F * blue - 0.714136F * red);
  rgb[2] = jpeg_level(luma + 1.772F * blue);
}

TRAINING_HOST_DEVICE inline int jpeg_neighbour(int at, int end) {
  const int next = at / 2 + (at % 2 == 0 ? -1 : 1);
  return next < 0 ? 0 : next >= end ? end - 1 : next;
}

/// A pixel of a plane that is twice as wide and high, weights 3/4 and 1/4 along each axis as decoders
/// interpolate colour.
TRAINING_HOST_DEVICE inline float jpeg_doubled(const float* half, int width, int height, int x, int y) {
  const int other_x = jpeg_neighbour(x, width);
  const float *near_line = half + y / 2 * width, *far_line = half + jpeg_neighbour(y, height) * width;
  const float near_row = 0.75F * near_line[x / 2] + 0.25F * near_line[other_x];
  const float far_row = 0.75F * far_line[x / 2] + 0.25F * far_line[other_x];
  return 0.75F * near_row + 0.25F * far_row;
}

/// A block of a plane through its frequencies, which are divided by the table scaled to `quality`, rounded
/// and multiplied again. `block`: [8, 8], 0 to 255.
TRAINING_HOST_DEVICE inline void jpeg_quantise(const JpegTables& tables, const std::uint8_t* table,
                                               int quality, float* block) {
  const int percent = quality < 50 ? 5000 / quality : 200 - 2 * quality;
  const float* c = tables.cosines;
  float rows[kJpegSide * kJpegSide];
  for (int i = 0; i < kJpegSide; ++i) {
    for (int j = 0; j < kJpegSide; ++j) {
      float sum = 0;
      for (int k = 0; k < kJpegSide; ++k) sum += c[i * kJpegSide + k] * (block[k * kJpegSide + j] - 128);
      rows[i * kJpegSide + j] = sum;
    }
  }
  for (int i = 0; i < kJpegSide; ++i) {
    for (int j = 0; j < kJpegSide; ++j) {
      float sum = 0;
      for (int k = 0; k < kJpegSide; ++k) sum += c[j * kJpegSide + k] * rows[i * kJpegSide + k];
      const int step = (table[i * kJpegSide + j] * percent + 50) / 100;
      const auto size = static_cast<float>(step < 1 ? 1 : step > 255 ? 255 : step);
      block[i * kJpegSide + j] = nearbyintf(sum / size) * size;
    }
  }
  for (int i = 0; i < kJpegSide; ++i) {
    for (int j = 0; j < kJpegSide; ++j) {
      float sum = 0;
      for (int k = 0; k < kJpegSide; ++k) sum += c[k * kJpegSide + i] * block[k * kJpegSide + j];
      rows[i * kJpegSide + j] = sum;
    }
  }
  for (int i = 0; i < kJpegSide; ++i) {
    for (int j = 0; j < kJpegSide; ++j) {
      float sum = 0;
      for (int k = 0; k < kJpegSide; ++k) sum += c[k * kJpegSide + j] * rows[i * kJpegSide + k];
      block[i * kJpegSide + j] = jpeg_level(nearbyintf(sum + 128));
    }
  }
}

}  // namespace training
