// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

/// What Augmenter does to pictures one by one, as steps over all pictures of a batch whose items depend on
/// nothing but the step before: a GPU runs them side by side, a test on the CPU one after the other. The
/// numbers are Augmenter's up to rounding.

#include <cmath>
#include <cstdint>

#include "data/augment/augment_plan.h"
#include "data/augment/host_device.h"
#include "data/augment/jpeg_tables.h"

namespace training {

/// A batch in work; all memory is the caller's, where the steps run.
struct AugmentJob {
  const std::uint8_t* pictures = nullptr;  ///< [rows, packed_height, packed_width, channels]
  const AugmentItem* items = nullptr;      ///< [count]
  std::int64_t count = 0;
  int packed_width = 0, packed_height = 0, width = 0, height = 0, channels = 0;
  float* values = nullptr;      ///< [count, height, width, channels]
  float* scratch = nullptr;     ///< as many
  std::uint8_t* out = nullptr;  ///< [count, height, width, channels]
  JpegTables jpeg;
};

namespace augment_steps {

TRAINING_HOST_DEVICE inline int clamped(int value, int low, int high) {
  return value < low ? low : value > high ? high : value;
}
TRAINING_HOST_DEVICE inline float to_level(float value) {
  return value < 0.0F ? 0.0F : value > 255.0F ? 255.0F : value;
}

/// An item of a step that has one for each pixel.
struct Place {
  std::int64_t n;
  int y, x;
  TRAINING_HOST_DEVICE Place(const AugmentJob& job, std::int64_t i)
      : n(i / (static_cast<std::int64_t>(job.height) * job.width)),
        y(static_cast<int>(i / job.width % job.height)),
        x(static_cast<int>(i % job.width)) {}
};

TRAINING_HOST_DEVICE inline std::int64_t pixels(const AugmentJob& job) {
  return job.count * job.height * job.width;
}
TRAINING_HOST_DEVICE inline float* at(const AugmentJob& job, float* values, std::int64_t n, int y, int x) {
  return values + ((n * job.height + y) * job.width + x) * job.channels;
}

TRAINING_HOST_DEVICE inline float cubic(float t) {
  return t * t * (3 - 2 * t);
}

/// The shift of a pixel along one axis, between the warp's nodes.
TRAINING_HOST_DEVICE inline float shift(const float* nodes, float v, float u) {
  const int row = static_cast<int>(v), column = static_cast<int>(u);
  const float down = cubic(v - static_cast<float>(row)), right = cubic(u - static_cast<float>(column));
  const float* upper = nodes + row * kElasticNodes + column;
  const float* lower = upper + kElasticNodes;
  const float above = upper[0] * (1 - right) + upper[1] * right;
  const float below = lower[0] * (1 - right) + lower[1] * right;
  return above * (1 - down) + below * down;
}

/// Packed pictures → values, through map and warp: bilinear, black outside.
struct Sample {
  AugmentJob job;
  TRAINING_HOST_DEVICE std::int64_t items() const { return pixels(job); }
  TRAINING_HOST_DEVICE void operator()(std::int64_t i) const {
    const Place place(job, i);
    const AugmentItem& item = job.items[place.n];
    const AugmentPlan& plan = item.plan;
    float u = static_cast<float>(place.x) + 0.5F - 0.5F * static_cast<float>(job.width);
    float v = static_cast<float>(place.y) + 0.5F - 0.5F * static_cast<float>(job.height);
    if (plan.warped != 0) {
      const float row = static_cast<float>(place.y) * (kElasticNodes - 1) / static_cast<float>(job.height);
      const float column = static_cast<float>(place.x) * (kElasticNodes - 1) / static_cast<float>(job.width);
      const float along_x = shift(plan.nodes, row, column);
      v += shift(plan.nodes + kElasticNodes * kElasticNodes, row, column);
      u += along_x;
    }
    const float sx = plan.a * u + plan.b * v + plan.c + (0.5F * static_cast<float>(job.packed_width) - 0.5F);
    const float sy = plan.d * u + plan.e * v + plan.f + (0.5F * static_cast<float>(job.packed_height) - 0.5F);
    const int left = static_cast<int>(floorf(sx)), top = static_cast<int>(floorf(sy));
    const float fx = sx - static_cast<float>(left), fy = sy - static_cast<float>(top);
    const std::int64_t bytes = static_cast<std::int64_t>(job.packed_height) * job.packed_width * job.channels;
    const std::uint8_t* own = job.pictures + item.row * bytes;
    const std::uint8_t* other = job.pictures + item.partner * bytes;
    float* target = at(job, job.values, place.n, place.y, place.x);
    for (int c = 0; c < job.channels; ++c) target[c] = 0;
    for (int dy = 0; dy < 2; ++dy) {
      for (int dx = 0; dx < 2; ++dx) {
        const int y = top + dy, x = left + dx;
        if (y < 0 || y >= job.packed_height || x < 0 || x >= job.packed_width) continue;
        const float weight = (dx == 0 ? 1 - fx : fx) * (dy == 0 ? 1 - fy : fy);
        const std::int64_t from = (static_cast<std::int64_t>(y) * job.packed_width + x) * job.channels;
        for (int c = 0; c < job.channels; ++c) {
          const bool cut = (item.cut_row != 0 && static_cast<std::uint32_t>(y) >= item.cut_row) ||
                           (item.cut_column != 0 && static_cast<std::uint32_t>(x) >= item.cut_column);
          std::uint32_t level = (cut ? other : own)[from + c];
          if (item.partner_weight != 0) {
            level = (level * (256 - item.partner_weight) + other[from + c] * item.partner_weight + 128) >> 8U;
          }
          target[c] += weight * static_cast<float>(level);
        }
      }
    }
  }
};

/// The box filter along one axis: values → scratch along the rows, and back along the columns.
struct Blur {
  AugmentJob job;
  bool along_rows;
  TRAINING_HOST_DEVICE std::int64_t items() const { return pixels(job); }
  TRAINING_HOST_DEVICE void operator()(std::int64_t i) const {
    const Place place(job, i);
    const int radius = job.items[place.n].plan.blur_radius;
    if (radius == 0) return;
    float* from = along_rows ? job.values : job.scratch;
    float* target = at(job, along_rows ? job.scratch : job.values, place.n, place.y, place.x);
    for (int c = 0; c < job.channels; ++c) {
      float sum = 0;
      for (int k = -radius; k <= radius; ++k) {
        const int y = along_rows ? place.y : clamped(place.y + k, 0, job.height - 1);
        const int x = along_rows ? clamped(place.x + k, 0, job.width - 1) : place.x;
        sum += at(job, from, place.n, y, x)[c];
      }
      target[c] = sum / static_cast<float>(2 * radius + 1);
    }
  }
};

/// Brightness, contrast, gamma and saturation, then the covered part.
struct Colour {
  AugmentJob job;
  TRAINING_HOST_DEVICE std::int64_t items() const { return pixels(job); }
  TRAINING_HOST_DEVICE static float curve(const AugmentPlan& plan, int level) {
    const float value = to_level((static_cast<float>(level) - 128) * plan.gain + 128 + plan.offset);
    return 255 * powf(value / 255, plan.gamma);
  }
  TRAINING_HOST_DEVICE void operator()(std::int64_t i) const {
    const Place place(job, i);
    const AugmentPlan& plan = job.items[place.n].plan;
    float* values = at(job, job.values, place.n, place.y, place.x);
    const int right = place.x - plan.covered_left, down = place.y - plan.covered_top;
    if (right >= 0 && right < plan.covered_width && down >= 0 && down < plan.covered_height) {
      for (int c = 0; c < job.channels; ++c) values[c] = plan.paint[c];
      return;
    }
    if (plan.recoloured == 0) return;
    for (int c = 0; c < job.channels; ++c) {
      // As Augmenter: between the curve's values at whole levels.
      const float level = to_level(values[c]);
      const int below = static_cast<int>(level);
      const float low = curve(plan, below), part = level - static_cast<float>(below);
      values[c] = low + part * (curve(plan, below + 1) - low);
    }
    if (job.channels != 3) return;
    const float luma = 0.299F * values[0] + 0.587F * values[1] + 0.114F * values[2];
    for (int c = 0; c < 3; ++c) values[c] = luma + plan.saturation * (values[c] - luma);
  }
};

/// The planes that JPEG works on: of a grey picture its values, of a colour picture luma and the two chroma
/// planes of half the size, in the picture's scratch.
struct Planes {
  float* values;  // Luma.
  float *blue, *red;
  int half_width, half_height;
  TRAINING_HOST_DEVICE Planes(const AugmentJob& job, std::int64_t n)
      : values(at(job, job.channels == 3 ? job.scratch : job.values, n, 0, 0)),
        half_width((job.width + 1) / 2),
        half_height((job.height + 1) / 2) {
    blue = values + static_cast<std::int64_t>(job.height) * job.width;
    red = blue + static_cast<std::int64_t>(half_height) * half_width;
  }
};

/// Colour pictures → planes.
struct JpegSplit {
  AugmentJob job;
  TRAINING_HOST_DEVICE std::int64_t items() const { return pixels(job); }
  TRAINING_HOST_DEVICE void operator()(std::int64_t i) const {
    const Place place(job, i);
    if (job.channels != 3 || job.items[place.n].plan.jpeg_quality == 0) return;
    const Planes planes(job, place.n);
    const auto level = [&](int y, int x, int c) {
      return to_level(at(job, job.values, place.n, y < job.height ? y : job.height - 1,
                         x < job.width ? x : job.width - 1)[c]);
    };
    planes.values[place.y * job.width + place.x] =
        jpeg_luma(level(place.y, place.x, 0), level(place.y, place.x, 1), level(place.y, place.x, 2));
    if (place.x >= planes.half_width || place.y >= planes.half_height) return;
    float blue = 0, red = 0;
    for (int k = 0; k < 4; ++k) {
      const int y = 2 * place.y + k / 2, x = 2 * place.x + k % 2;
      blue += jpeg_blue(level(y, x, 0), level(y, x, 1), level(y, x, 2));
      red += jpeg_red(level(y, x, 0), level(y, x, 1), level(y, x, 2));
    }
    planes.blue[place.y * planes.half_width + place.x] = nearbyintf(blue / 4);
    planes.red[place.y * planes.half_width + place.x] = nearbyintf(red / 4);
  }
};

/// Planes: each block through its frequencies. An item is a block.
struct JpegBlocks {
  AugmentJob job;
  TRAINING_HOST_DEVICE static int blocks(int size) { return (size + kJpegSide - 1) / kJpegSide; }
  TRAINING_HOST_DEVICE int luma_blocks() const { return blocks(job.width) * blocks(job.height); }
  TRAINING_HOST_DEVICE int chroma_blocks() const {
    return job.channels == 3 ? blocks((job.width + 1) / 2) * blocks((job.height + 1) / 2) : 0;
  }
  TRAINING_HOST_DEVICE std::int64_t items() const {
    return job.count * (luma_blocks() + 2 * chroma_blocks());
  }
  TRAINING_HOST_DEVICE void operator()(std::int64_t i) const {
    const int luma = luma_blocks(), chroma = chroma_blocks(), each = luma + 2 * chroma;
    const std::int64_t n = i / each;
    const int quality = job.items[n].plan.jpeg_quality;
    if (quality == 0) return;
    const Planes planes(job, n);
    int block = static_cast<int>(i % each);
    if (block < luma) {
      quantise(planes.values, job.width, job.height, block, job.jpeg.luma, quality);
      return;
    }
    block -= luma;
    quantise(block < chroma ? planes.blue : planes.red, planes.half_width, planes.half_height, block % chroma,
             job.jpeg.chroma, quality);
  }
  TRAINING_HOST_DEVICE void quantise(float* plane, int width, int height, int block,
                                     const std::uint8_t* table, int quality) const {
    const int left = block % blocks(width) * kJpegSide, top = block / blocks(width) * kJpegSide;
    float values[kJpegSide * kJpegSide];
    for (int k = 0; k < kJpegSide * kJpegSide; ++k) {
      const int y = clamped(top + k / kJpegSide, 0, height - 1);
      values[k] = to_level(plane[y * width + clamped(left + k % kJpegSide, 0, width - 1)]);
    }
    jpeg_quantise(job.jpeg, table, quality, values);
    for (int k = 0; k < kJpegSide * kJpegSide; ++k) {
      const int y = top + k / kJpegSide, x = left + k % kJpegSide;
      if (y < height && x < width) plane[y * width + x] = values[k];
    }
  }
};

/// Planes → colour pictures.
struct JpegJoin {
  AugmentJob job;
  TRAINING_HOST_DEVICE std::int64_t items() const { return pixels(job); }
  TRAINING_HOST_DEVICE void operator()(std::int64_t i) const {
    const Place place(job, i);
    if (job.channels != 3 || job.items[place.n].plan.jpeg_quality == 0) return;
    const Planes planes(job, place.n);
    const float blue =
        jpeg_doubled(planes.blue, planes.half_width, planes.half_height, place.x, place.y) - 128;
    const float red = jpeg_doubled(planes.red, planes.half_width, planes.half_height, place.x, place.y) - 128;
    jpeg_rgb(planes.values[place.y * job.width + place.x], blue, red,
             at(job, job.values, place.n, place.y, place.x));
  }
};

/// Values → bytes. An item is a number.
struct Bytes {
  AugmentJob job;
  TRAINING_HOST_DEVICE std::int64_t items() const { return pixels(job) * job.channels; }
  TRAINING_HOST_DEVICE void operator()(std::int64_t i) const {
    job.out[i] = static_cast<std::uint8_t>(to_level(job.values[i] + 0.5F));
  }
};

/// All steps of faces, or those of other pictures, in their order: run(step) runs all items of one.
template <typename Run>
void run_all(const AugmentJob& job, bool faces, const Run& run) {
  run(Sample{job});
  if (faces) {
    run(Blur{job, true});
    run(Blur{job, false});
    run(Colour{job});
    run(JpegSplit{job});
    run(JpegBlocks{job});
    run(JpegJoin{job});
  }
  run(Bytes{job});
}

}  // namespace augment_steps

}  // namespace training
