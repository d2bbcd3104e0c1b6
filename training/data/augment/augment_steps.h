// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

/// How pictures are augmented, as steps over all pictures of a batch. A step does a run of neighbouring
/// pixels of one row, and none of its runs needs what another run of the same step makes. So a CPU does whole
/// rows one after the other, and a GPU does runs of one pixel side by side: the arithmetic is one.

#include <cmath>
#include <cstdint>

#include "data/augment/augment_job.h"
#include "data/augment/host_device.h"
#include "data/augment/jpeg_tables.h"

namespace training {

namespace augment_steps {

TRAINING_HOST_DEVICE inline int clamped(int value, int low, int high) {
  return value < low ? low : value > high ? high : value;
}
TRAINING_HOST_DEVICE inline int smaller(int a, int b) {
  return a < b ? a : b;
}
TRAINING_HOST_DEVICE inline int larger(int a, int b) {
  return a > b ? a : b;
}
TRAINING_HOST_DEVICE inline float to_level(float value) {
  return value < 0.0F ? 0.0F : value > 255.0F ? 255.0F : value;
}
/// std::floor, which is a call on CPUs without SSE 4.1.
TRAINING_HOST_DEVICE inline int whole_below(float value) {
  const int whole = static_cast<int>(value);
  return whole - (static_cast<float>(whole) > value ? 1 : 0);
}

/// A step that has a run for each row of the pictures.
struct PixelStep {
  AugmentJob job;
  TRAINING_HOST_DEVICE int width() const { return job.width; }
  TRAINING_HOST_DEVICE int height() const { return job.height; }
};

TRAINING_HOST_DEVICE inline float* at(const AugmentJob& job, float* values, std::int64_t n, int y, int x) {
  return values + ((n * job.height + y) * job.width + x) * job.channels;
}

TRAINING_HOST_DEVICE inline float cubic(float t) {
  return t * t * (3 - 2 * t);
}

/// The shifts of a row's pixels along one axis, between the warp's nodes.
struct RowShift {
  const float *upper, *lower;
  float down;
  TRAINING_HOST_DEVICE RowShift(const float* nodes, float v) {
    const int row = static_cast<int>(v);
    upper = nodes + row * kElasticNodes;
    lower = upper + kElasticNodes;
    down = cubic(v - static_cast<float>(row));
  }
  /// `right`: between the nodes of `column` and of the next one.
  TRAINING_HOST_DEVICE float at(int column, float right) const {
    const float above = upper[column] * (1 - right) + upper[column + 1] * right;
    const float below = lower[column] * (1 - right) + lower[column + 1] * right;
    return above * (1 - down) + below * down;
  }
};

/// What a picture is cut from: a packed picture, a blend of two, or parts of two.
template <int Channels>
struct Source {
  const std::uint8_t *own, *other;
  const AugmentItem& item;
  int width, height;
  bool mixed;
  TRAINING_HOST_DEVICE Source(const AugmentJob& job, const AugmentItem& of)
      : item(of), width(job.packed_width), height(job.packed_height) {
    const std::int64_t bytes = static_cast<std::int64_t>(height) * width * Channels;
    own = job.pictures + item.row * bytes;
    other = job.pictures + item.partner * bytes;
    mixed = item.partner_weight != 0 || item.cut_row != 0 || item.cut_column != 0;
  }
  TRAINING_HOST_DEVICE std::uint8_t level(std::int64_t at, int y, int x) const {
    if (item.partner_weight != 0) return blended(own[at], other[at], item.partner_weight);
    const bool cut = (item.cut_row != 0 && static_cast<std::uint32_t>(y) >= item.cut_row) ||
                     (item.cut_column != 0 && static_cast<std::uint32_t>(x) >= item.cut_column);
    return (cut ? other : own)[at];
  }
  TRAINING_HOST_DEVICE static void add(const std::uint8_t* pixel, float weight, float* target) {
    for (int c = 0; c < Channels; ++c) target[c] += weight * static_cast<float>(pixel[c]);
  }
  /// The colour at a place between pixels, [Channels]; black outside.
  TRAINING_HOST_DEVICE void look(float sx, float sy, float* target) const {
    const int left = whole_below(sx), top = whole_below(sy);
    const float fx = sx - static_cast<float>(left), fy = sy - static_cast<float>(top);
    for (int c = 0; c < Channels; ++c) target[c] = 0;
    if (!mixed && left >= 0 && top >= 0 && left + 1 < width && top + 1 < height) {
      // Nearly every pixel's four neighbours are there.
      const std::uint8_t* above = own + (static_cast<std::int64_t>(top) * width + left) * Channels;
      const std::uint8_t* below = above + static_cast<std::int64_t>(width) * Channels;
      add(above, (1 - fx) * (1 - fy), target);
      add(above + Channels, fx * (1 - fy), target);
      add(below, (1 - fx) * fy, target);
      add(below + Channels, fx * fy, target);
      return;
    }
    for (int dy = 0; dy < 2; ++dy) {
      for (int dx = 0; dx < 2; ++dx) {
        const int y = top + dy, x = left + dx;
        if (y < 0 || y >= height || x < 0 || x >= width) continue;
        const float weight = (dx == 0 ? 1 - fx : fx) * (dy == 0 ? 1 - fy : fy);
        const std::int64_t at = (static_cast<std::int64_t>(y) * width + x) * Channels;
        for (int c = 0; c < Channels; ++c) target[c] += weight * static_cast<float>(level(at + c, y, x));
      }
    }
  }
};

/// Packed pictures → values, through map and warp: bilinear, black outside.
template <int Channels>
struct Sample : PixelStep {
  TRAINING_HOST_DEVICE void operator()(std::int64_t n, int y, int begin, int end) const {
    const AugmentItem& item = job.items[n];
    // A copy, for the compiler cannot know that no written value is one of the plan's.
    const float a = item.plan.a, b = item.plan.b, c = item.plan.c, d = item.plan.d, e = item.plan.e,
                f = item.plan.f;
    const bool warped = item.plan.warped != 0;
    const Source<Channels> source(job, item);
    const float half_w = 0.5F * static_cast<float>(job.width), half_h = 0.5F * static_cast<float>(job.height);
    const float centre_x = 0.5F * static_cast<float>(job.packed_width) - 0.5F;
    const float centre_y = 0.5F * static_cast<float>(job.packed_height) - 0.5F;
    const float row = static_cast<float>(y) * (kElasticNodes - 1) / static_cast<float>(job.height);
    const RowShift along_x(item.plan.nodes, row),
        along_y(item.plan.nodes + kElasticNodes * kElasticNodes, row);
    float* target = at(job, job.values, n, y, begin);
    float us[kChunk], vs[kChunk];
    for (int first = begin; first < end; first += kChunk) {
      const int count = smaller(kChunk, end - first);
      for (int i = 0; i < count; ++i) {
        us[i] = static_cast<float>(first + i) + 0.5F - half_w;
        vs[i] = static_cast<float>(y) + 0.5F - half_h;
        if (!warped) continue;
        const float place =
            static_cast<float>(first + i) * (kElasticNodes - 1) / static_cast<float>(job.width);
        const int column = static_cast<int>(place);
        const float right = cubic(place - static_cast<float>(column));
        us[i] += along_x.at(column, right);
        vs[i] += along_y.at(column, right);
      }
      for (int i = 0; i < count; ++i, target += Channels)
        source.look(a * us[i] + b * vs[i] + c + centre_x, d * us[i] + e * vs[i] + f + centre_y, target);
    }
  }

 private:
  /// Pixels whose places are computed ahead of their colours, so that a CPU does several at once.
#ifdef __CUDA_ARCH__
  static constexpr int kChunk = 1;
#else
  static constexpr int kChunk = 32;
#endif
};

/// The mean of the window around a place of an axis whose `size` values lie `step` apart; beyond its ends the
/// last value stands.
TRAINING_HOST_DEVICE inline float mean_near_end(const float* axis, int place, int size, int step,
                                                int radius) {
  float sum = 0;
  for (int k = -radius; k <= radius; ++k) sum += axis[clamped(place + k, 0, size - 1) * step];
  return sum / static_cast<float>(2 * radius + 1);
}

/// The means of `count` windows side by side, the first of which begins at `from`.
TRAINING_HOST_DEVICE inline void means(const float* from, int step, int radius, int count, float* out) {
  const auto width = static_cast<float>(2 * radius + 1);
  for (int i = 0; i < count; ++i) {
    float sum = 0;
    for (int k = 0; k <= 2 * radius; ++k) sum += from[i + k * step];
    out[i] = sum / width;
  }
}

/// The box filter along the rows: values → scratch.
template <int Channels>
struct BlurRows : PixelStep {
  TRAINING_HOST_DEVICE void operator()(std::int64_t n, int y, int begin, int end) const {
    const int radius = job.items[n].plan.blur_radius;
    if (radius == 0) return;
    const float* line = at(job, job.values, n, y, 0);
    float* target = at(job, job.scratch, n, y, 0);
    // Between the ends of the row all neighbours are there.
    const int first = smaller(end, larger(begin, radius)),
              last = larger(first, smaller(end, job.width - radius));
    near_end(line, begin, first, radius, target);
    means(line + (first - radius) * Channels, Channels, radius, (last - first) * Channels,
          target + first * Channels);
    near_end(line, last, end, radius, target);
  }
  TRAINING_HOST_DEVICE void near_end(const float* line, int begin, int end, int radius, float* target) const {
    for (int x = begin; x < end; ++x) {
      for (int c = 0; c < Channels; ++c)
        target[x * Channels + c] = mean_near_end(line + c, x, job.width, Channels, radius);
    }
  }
};

/// The same along the columns: scratch → values.
template <int Channels>
struct BlurColumns : PixelStep {
  TRAINING_HOST_DEVICE void operator()(std::int64_t n, int y, int begin, int end) const {
    const int radius = job.items[n].plan.blur_radius;
    if (radius == 0) return;
    const int row = job.width * Channels, count = (end - begin) * Channels;
    const float* column = at(job, job.scratch, n, 0, begin);
    float* target = at(job, job.values, n, y, begin);
    if (y >= radius && y < job.height - radius) {
      means(column + (y - radius) * row, row, radius, count, target);
      return;
    }
    for (int i = 0; i < count; ++i) target[i] = mean_near_end(column + i, y, job.height, row, radius);
  }
};

/// The tone curve of each picture: brightness, contrast and gamma, as values at whole levels.
struct Curve {
  AugmentJob job;
  TRAINING_HOST_DEVICE int width() const { return kCurve; }
  TRAINING_HOST_DEVICE int height() const { return 1; }
  TRAINING_HOST_DEVICE void operator()(std::int64_t n, int /*y*/, int begin, int end) const {
    const AugmentPlan& plan = job.items[n].plan;
    if (plan.recoloured == 0) return;
    for (int level = begin; level < end; ++level) {
      const float value = to_level((static_cast<float>(level) - 128) * plan.gain + 128 + plan.offset);
      job.curves[n * kCurve + level] = 255 * powf(value / 255, plan.gamma);
    }
  }
};

/// Tone and saturation, then the covered part.
template <int Channels>
struct Colour : PixelStep {
  TRAINING_HOST_DEVICE void operator()(std::int64_t n, int y, int begin, int end) const {
    const AugmentPlan& plan = job.items[n].plan;
    float* values = at(job, job.values, n, y, 0);
    if (plan.recoloured != 0) recolour(plan, job.curves + n * kCurve, values + begin * Channels, end - begin);
    if (y < plan.covered_top || y >= plan.covered_top + plan.covered_height) return;
    const int last = smaller(end, plan.covered_left + plan.covered_width);
    for (int x = larger(begin, plan.covered_left); x < last; ++x) {
      for (int c = 0; c < Channels; ++c) values[x * Channels + c] = plan.paint[c];
    }
  }
  TRAINING_HOST_DEVICE static void recolour(const AugmentPlan& plan, const float* curve, float* values,
                                            int pixels) {
    for (int i = 0; i < pixels * Channels; ++i) {
      const float level = to_level(values[i]);
      const int below = static_cast<int>(level);
      values[i] = curve[below] + (level - static_cast<float>(below)) * (curve[below + 1] - curve[below]);
    }
    if (Channels != 3) return;
    for (int i = 0; i < pixels * Channels; i += Channels) {
      const float luma = 0.299F * values[i] + 0.587F * values[i + 1] + 0.114F * values[i + 2];
      for (int c = i; c < i + 3; ++c) values[c] = luma + plan.saturation * (values[c] - luma);
    }
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
struct JpegSplit : PixelStep {
  TRAINING_HOST_DEVICE void operator()(std::int64_t n, int y, int begin, int end) const {
    if (job.channels != 3 || job.items[n].plan.jpeg_quality == 0) return;
    const Planes planes(job, n);
    const auto level = [&](const float* pixel, int c) { return to_level(pixel[c]); };
    for (int x = begin; x < end; ++x) {
      const float* pixel = at(job, job.values, n, y, x);
      planes.values[y * job.width + x] = jpeg_luma(level(pixel, 0), level(pixel, 1), level(pixel, 2));
    }
    if (y >= planes.half_height) return;
    const int below = smaller(2 * y + 1, job.height - 1);
    for (int x = begin; x < smaller(end, planes.half_width); ++x) {
      const int right = smaller(2 * x + 1, job.width - 1);
      float blue = 0, red = 0;
      const float* const four[] = {at(job, job.values, n, 2 * y, 2 * x), at(job, job.values, n, 2 * y, right),
                                   at(job, job.values, n, below, 2 * x),
                                   at(job, job.values, n, below, right)};
      for (const float* pixel : four) {
        blue += jpeg_blue(level(pixel, 0), level(pixel, 1), level(pixel, 2));
        red += jpeg_red(level(pixel, 0), level(pixel, 1), level(pixel, 2));
      }
      planes.blue[y * planes.half_width + x] = nearbyintf(blue / 4);
      planes.red[y * planes.half_width + x] = nearbyintf(red / 4);
    }
  }
};

/// The planes through their frequencies. A run is one of blocks, luma's first.
struct JpegBlocks {
  AugmentJob job;
  TRAINING_HOST_DEVICE static int blocks(int size) { return (size + kJpegSide - 1) / kJpegSide; }
  TRAINING_HOST_DEVICE int luma_blocks() const { return blocks(job.width) * blocks(job.height); }
  TRAINING_HOST_DEVICE int chroma_blocks() const {
    return job.channels == 3 ? blocks((job.width + 1) / 2) * blocks((job.height + 1) / 2) : 0;
  }
  TRAINING_HOST_DEVICE int width() const { return luma_blocks() + 2 * chroma_blocks(); }
  TRAINING_HOST_DEVICE int height() const { return 1; }
  TRAINING_HOST_DEVICE void operator()(std::int64_t n, int /*y*/, int begin, int end) const {
    const int quality = job.items[n].plan.jpeg_quality;
    if (quality == 0) return;
    const Planes planes(job, n);
    const int luma = luma_blocks(), chroma = chroma_blocks();
    for (int block = begin; block < end; ++block) {
      if (block < luma) {
        quantise(planes.values, job.width, job.height, block, job.jpeg.luma, quality);
      } else {
        quantise(block < luma + chroma ? planes.blue : planes.red, planes.half_width, planes.half_height,
                 (block - luma) % chroma, job.jpeg.chroma, quality);
      }
    }
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
struct JpegJoin : PixelStep {
  TRAINING_HOST_DEVICE void operator()(std::int64_t n, int y, int begin, int end) const {
    if (job.channels != 3 || job.items[n].plan.jpeg_quality == 0) return;
    const Planes planes(job, n);
    const auto doubled = [&](const float* plane, int x) {
      return jpeg_doubled(plane, planes.half_width, planes.half_height, x, y) - 128;
    };
    for (int x = begin; x < end; ++x) {
      jpeg_rgb(planes.values[y * job.width + x], doubled(planes.blue, x), doubled(planes.red, x),
               at(job, job.values, n, y, x));
    }
  }
};

/// Values → bytes.
struct Bytes : PixelStep {
  TRAINING_HOST_DEVICE void operator()(std::int64_t n, int y, int begin, int end) const {
    const float* values = at(job, job.values, n, y, begin);
    std::uint8_t* out = job.out + ((n * job.height + y) * job.width + begin) * job.channels;
    for (int i = 0; i < (end - begin) * job.channels; ++i)
      out[i] = static_cast<std::uint8_t>(to_level(values[i] + 0.5F));
  }
};

template <int Channels, typename Run>
void run_steps(const AugmentJob& job, bool faces, const Run& run) {
  run(Sample<Channels>{{job}});
  if (faces) {
    run(BlurRows<Channels>{{job}});
    run(BlurColumns<Channels>{{job}});
    run(Curve{job});
    run(Colour<Channels>{{job}});
    // What a camera or a web page stored: after everything that happened in front of the lens.
    run(JpegSplit{{job}});
    run(JpegBlocks{job});
    run(JpegJoin{{job}});
  }
  run(Bytes{{job}});
}

/// All steps of faces, or those of other pictures, in their order: run(step) does all runs of one.
template <typename Run>
void run_all(const AugmentJob& job, bool faces, const Run& run) {
  job.channels == 1 ? run_steps<1>(job, faces, run) : run_steps<3>(job, faces, run);
}

}  // namespace augment_steps

}  // namespace training
