// SPDX-License-Identifier: LGPL-2.1-or-later
#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "fixtures.h"

namespace fixtures {

using embed::PixelFormat;
using embed::PixelRange;
using embed::YuvMatrix;

namespace {

/// A number in [0, 1) from a seed and an index.
double dice(std::uint64_t seed, std::uint64_t index) {
  std::uint64_t x = seed * 0x9E3779B97F4A7C15U + index * 0xBF58476D1CE4E5B9U + 1;
  x ^= x >> 31;
  x *= 0x94D049BB133111EBU;
  x ^= x >> 29;
  return static_cast<double>(x >> 11) * 0x1p-53;
}

std::uint8_t to_byte(double value) {
  return static_cast<std::uint8_t>(std::lround(std::clamp(value, 0.0, 255.0)));
}

struct Yuv {
  double y, u, v;  // y in [0, 1], u and v in [-0.5, 0.5]
};

Yuv to_yuv(double red, double green, double blue, YuvMatrix matrix) {
  double kr = 0.299, kb = 0.114;
  if (matrix == YuvMatrix::Bt709) kr = 0.2126, kb = 0.0722;
  if (matrix == YuvMatrix::Bt2020) kr = 0.2627, kb = 0.0593;
  if (matrix == YuvMatrix::Smpte240m) kr = 0.212, kb = 0.087;
  if (matrix == YuvMatrix::Fcc) kr = 0.3, kb = 0.11;
  const double y = kr * red + (1 - kr - kb) * green + kb * blue;
  return {y / 255, (blue - y) / (2 * (1 - kb)) / 255, (red - y) / (2 * (1 - kr)) / 255};
}

std::uint8_t luma_byte(double y, bool full) {
  return to_byte(full ? 255 * y : 16 + 219 * y);
}
std::uint8_t chroma_byte(double c, bool full) {
  return to_byte(full ? 128 + 255 * c : 128 + 224 * c);
}

void allocate(Pixels& image, std::size_t plane, int row_bytes, int rows, int extra_stride) {
  image.strides[plane] = row_bytes + extra_stride;
  image.planes[plane].assign(static_cast<std::size_t>(image.strides[plane]) * static_cast<std::size_t>(rows),
                             0xA5);
}

std::uint8_t* row(Pixels& image, std::size_t plane, int y) {
  return image.planes[plane].data() + y * image.strides[plane];
}

void paint_packed(Pixels& image, const std::vector<std::uint8_t>& rgb, int bytes, int extra_stride) {
  const bool swapped = image.format == PixelFormat::Bgr || image.format == PixelFormat::Bgra ||
                       image.format == PixelFormat::Bgrx;
  allocate(image, 0, image.width * bytes, image.height, extra_stride);
  const bool full = image.range != PixelRange::Limited;
  const auto level = [full](std::uint8_t value) { return luma_byte(value / 255.0, full); };
  const std::uint8_t* in = rgb.data();
  for (int y = 0; y < image.height; ++y) {
    std::uint8_t* out = row(image, 0, y);
    for (int x = 0; x < image.width; ++x, in += 3, out += bytes) {
      if (bytes == 1) {
        out[0] = luma_byte(to_yuv(in[0], in[1], in[2], YuvMatrix::Bt601).y, full);
        continue;
      }
      out[0] = level(in[swapped ? 2 : 0]);
      out[1] = level(in[1]);
      out[2] = level(in[swapped ? 0 : 2]);
      // What lies in the fourth byte must never show.
      if (bytes == 4) out[3] = static_cast<std::uint8_t>(x * 37 + y * 11);
    }
  }
}

void paint_yuv(Pixels& image, const std::vector<std::uint8_t>& rgb, int extra_stride) {
  const int half_width = (image.width + 1) / 2, half_height = (image.height + 1) / 2;
  const bool nv12 = image.format == PixelFormat::Nv12, full = image.range == PixelRange::Full;
  allocate(image, 0, image.width, image.height, extra_stride);
  allocate(image, 1, nv12 ? 2 * half_width : half_width, half_height, extra_stride);
  if (!nv12) allocate(image, 2, half_width, half_height, extra_stride);
  const auto yuv_at = [&](int x, int y) {
    const std::uint8_t* in = rgb.data() + 3 * (static_cast<std::ptrdiff_t>(y) * image.width + x);
    return to_yuv(in[0], in[1], in[2], image.matrix);
  };
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) row(image, 0, y)[x] = luma_byte(yuv_at(x, y).y, full);
  }
  for (int y = 0; y < half_height; ++y) {
    for (int x = 0; x < half_width; ++x) {
      double u = 0, v = 0, count = 0;
      for (int yy = 2 * y; yy < std::min(2 * y + 2, image.height); ++yy) {
        for (int xx = 2 * x; xx < std::min(2 * x + 2, image.width); ++xx, ++count) {
          u += yuv_at(xx, yy).u, v += yuv_at(xx, yy).v;
        }
      }
      const std::uint8_t u_byte = chroma_byte(u / count, full);
      const std::uint8_t v_byte = chroma_byte(v / count, full);
      row(image, 1, y)[nv12 ? 2 * x : x] = u_byte;
      (nv12 ? row(image, 1, y)[2 * x + 1] : row(image, 2, y)[x]) = v_byte;
    }
  }
}

void paint_pairs(Pixels& image, const std::vector<std::uint8_t>& rgb, int extra_stride) {
  const bool full = image.range == PixelRange::Full, luma_first = image.format == PixelFormat::Yuy2;
  allocate(image, 0, (image.width + 1) / 2 * 4, image.height, extra_stride);
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; x += 2) {
      std::uint8_t* pair = row(image, 0, y) + 2 * static_cast<std::ptrdiff_t>(x);
      double u = 0, v = 0;
      const int count = std::min(2, image.width - x);
      for (int i = 0; i < count; ++i) {
        const std::uint8_t* in = rgb.data() + 3 * (static_cast<std::ptrdiff_t>(y) * image.width + x + i);
        const Yuv yuv = to_yuv(in[0], in[1], in[2], image.matrix);
        pair[2 * i + (luma_first ? 0 : 1)] = luma_byte(yuv.y, full);
        u += yuv.u / count, v += yuv.v / count;
      }
      pair[luma_first ? 1 : 0] = chroma_byte(u, full);
      pair[luma_first ? 3 : 2] = chroma_byte(v, full);
    }
  }
}

}  // namespace

embed::ImageView Pixels::view() const {
  embed::ImageView view;
  view.format = format;
  view.width = width;
  view.height = height;
  view.matrix = matrix;
  view.range = range;
  for (std::size_t i = 0; i < 3; ++i) {
    view.planes[i] = planes[i].empty() ? nullptr : planes[i].data();
    view.strides[i] = strides[i];
  }
  return view;
}

const std::vector<PixelFormat>& all_formats() {
  static const std::vector<PixelFormat> formats = [] {
    std::vector<PixelFormat> all;
    for (const embed::PixelLayout& layout : embed::pixel_layouts()) all.push_back(layout.format);
    return all;
  }();
  return formats;
}

const std::vector<YuvMatrix>& all_matrices() {
  static const std::vector<YuvMatrix> matrices = {YuvMatrix::Bt601, YuvMatrix::Bt709, YuvMatrix::Bt2020,
                                                  YuvMatrix::Smpte240m, YuvMatrix::Fcc};
  return matrices;
}

const char* format_name(PixelFormat format) {
  return embed::layout_of(format).name;
}

std::array<double, 3> pattern(double x, double y, int width, int height, std::uint64_t seed) {
  constexpr double kTurn = 6.283185307179586;
  const double u = x / width, v = y / height;
  std::array<double, 3> colour{};
  for (std::uint64_t c = 0; c < 3; ++c) {
    double value = 128;
    for (std::uint64_t wave = 0; wave < 3; ++wave) {
      const std::uint64_t at = 10 * c + 3 * wave;
      const double fx = 4 * dice(seed, at) - 2, fy = 4 * dice(seed, at + 1) - 2, phase = dice(seed, at + 2);
      value += 38 * std::sin(kTurn * (fx * u + fy * v + phase));
    }
    colour[c] = value;
  }
  return colour;
}

std::vector<std::uint8_t> rgb_pattern(int width, int height, std::uint64_t seed) {
  std::vector<std::uint8_t> rgb;
  rgb.reserve(3 * static_cast<std::size_t>(width) * static_cast<std::size_t>(height));
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (const double value : pattern(x + 0.5, y + 0.5, width, height, seed)) rgb.push_back(to_byte(value));
    }
  }
  return rgb;
}

Pixels from_rgb(const std::vector<std::uint8_t>& rgb, int width, int height, PixelFormat format,
                int extra_stride, YuvMatrix matrix, PixelRange range) {
  if (rgb.size() != 3 * static_cast<std::size_t>(width) * static_cast<std::size_t>(height)) {
    throw std::invalid_argument("from_rgb: width x height x 3 bytes expected");
  }
  Pixels image;
  image.format = format;
  image.width = width;
  image.height = height;
  image.matrix = matrix;
  image.range = range;
  switch (format) {
    case PixelFormat::Nv12:
    case PixelFormat::I420:
      paint_yuv(image, rgb, extra_stride);
      break;
    case PixelFormat::Yuy2:
    case PixelFormat::Uyvy:
      paint_pairs(image, rgb, extra_stride);
      break;
    case PixelFormat::Gray8:
      paint_packed(image, rgb, 1, extra_stride);
      break;
    case PixelFormat::Rgb:
    case PixelFormat::Bgr:
      paint_packed(image, rgb, 3, extra_stride);
      break;
    default:
      paint_packed(image, rgb, 4, extra_stride);
  }
  return image;
}

Pixels make_image(PixelFormat format, int width, int height, int extra_stride, std::uint64_t seed,
                  YuvMatrix matrix, PixelRange range) {
  return from_rgb(rgb_pattern(width, height, seed), width, height, format, extra_stride, matrix, range);
}

}  // namespace fixtures
