// SPDX-License-Identifier: LGPL-2.1-or-later
#include "crop_reference.h"

#include <algorithm>
#include <cmath>

namespace reference {

using embed::ImageView;
using embed::PixelFormat;
using embed::PixelRange;
using embed::YuvMatrix;

namespace {

bool is_yuv(const ImageView& image) {
  return embed::is_yuv(image.format);
}

struct LumaWeights {
  double red, blue;
};

/// Grey is the image's own luma: by its matrix for YUV, by BT.601 for the rest.
LumaWeights luma_weights(const ImageView& image) {
  if (is_yuv(image) && image.matrix == YuvMatrix::Bt709) return {0.2126, 0.0722};
  if (is_yuv(image) && image.matrix == YuvMatrix::Bt2020) return {0.2627, 0.0593};
  if (is_yuv(image) && image.matrix == YuvMatrix::Smpte240m) return {0.212, 0.087};
  if (is_yuv(image) && image.matrix == YuvMatrix::Fcc) return {0.3, 0.11};
  return {0.299, 0.114};
}

bool full(const ImageView& image) {
  return image.range == PixelRange::Full || (image.range == PixelRange::Usual && !is_yuv(image));
}

std::array<double, 3> from_limited(const ImageView& image, std::array<double, 3> colour) {
  if (full(image)) return colour;
  for (double& value : colour) value = std::clamp((value - 16) * 255 / 219, 0.0, 255.0);
  return colour;
}

std::array<double, 3> from_yuv(const ImageView& image, double y, double u, double v) {
  const bool full_range = full(image);
  const auto [kr, kb] = luma_weights(image);
  const double luma = full_range ? y : (y - 16) * 255 / 219;
  const double cb = (u - 128) * (full_range ? 1.0 : 255.0 / 224),
               cr = (v - 128) * (full_range ? 1.0 : 255.0 / 224);
  const double red = luma + 2 * (1 - kr) * cr;
  const double blue = luma + 2 * (1 - kb) * cb;
  const double green = (luma - kr * red - kb * blue) / (1 - kr - kb);
  return {std::clamp(red, 0.0, 255.0), std::clamp(green, 0.0, 255.0), std::clamp(blue, 0.0, 255.0)};
}

/// Bilinear between pixel centres.
std::array<double, 3> sample(const ImageView& image, double x, double y) {
  const double left = std::floor(x - 0.5), top = std::floor(y - 0.5);
  const double fx = x - 0.5 - left, fy = y - 0.5 - top;
  std::array<double, 3> sum{};
  for (int dy = 0; dy < 2; ++dy) {
    for (int dx = 0; dx < 2; ++dx) {
      const double weight = (dx == 0 ? 1 - fx : fx) * (dy == 0 ? 1 - fy : fy);
      const auto value = pixel(image, static_cast<int>(left) + dx, static_cast<int>(top) + dy);
      for (std::size_t c = 0; c < 3; ++c) sum[c] += weight * value[c];
    }
  }
  return sum;
}

}  // namespace

Map square_map(double centre_x, double centre_y, double side, int width) {
  const double scale = side / width;
  return {scale, 0, centre_x - side / 2, 0, scale, centre_y - side / 2};
}

Map least_squares_similarity(const embed::Landmarks& crop, const embed::Landmarks& image) {
  // Unknowns p, q, s, t of x' = p·x − q·y + s, y' = q·x + p·y + t: two rows of equations for each point.
  double normal[4][5] = {};
  for (std::size_t i = 0; i < crop.size(); ++i) {
    const double x = crop[i].x, y = crop[i].y;
    const double rows[2][5] = {{x, -y, 1, 0, image[i].x}, {y, x, 0, 1, image[i].y}};
    for (const auto& row : rows) {
      for (int r = 0; r < 4; ++r) {
        for (int c = 0; c < 5; ++c) normal[r][c] += row[r] * row[c];
      }
    }
  }
  for (int pivot = 0; pivot < 4; ++pivot) {
    int best = pivot;
    for (int r = pivot + 1; r < 4; ++r) {
      if (std::abs(normal[r][pivot]) > std::abs(normal[best][pivot])) best = r;
    }
    std::swap(normal[pivot], normal[best]);
    for (int r = 0; r < 4; ++r) {
      if (r == pivot) continue;
      const double factor = normal[r][pivot] / normal[pivot][pivot];
      for (int c = 0; c < 5; ++c) normal[r][c] -= factor * normal[pivot][c];
    }
  }
  const double p = normal[0][4] / normal[0][0], q = normal[1][4] / normal[1][1];
  return {p, -q, normal[2][4] / normal[2][2], q, p, normal[3][4] / normal[3][3]};
}

namespace {

/// The three values of a pixel that lies in the image, as they are; red, green and blue in this order.
std::array<double, 3> values(const ImageView& image, int x, int y) {
  const auto at = [&](std::size_t plane, int row, int byte) -> double {
    return image.planes[plane][row * image.strides[plane] + byte];
  };
  switch (image.format) {
    case PixelFormat::Rgb:
      return {at(0, y, 3 * x), at(0, y, 3 * x + 1), at(0, y, 3 * x + 2)};
    case PixelFormat::Bgr:
      return {at(0, y, 3 * x + 2), at(0, y, 3 * x + 1), at(0, y, 3 * x)};
    case PixelFormat::Rgba:
    case PixelFormat::Rgbx:
      return {at(0, y, 4 * x), at(0, y, 4 * x + 1), at(0, y, 4 * x + 2)};
    case PixelFormat::Bgra:
    case PixelFormat::Bgrx:
      return {at(0, y, 4 * x + 2), at(0, y, 4 * x + 1), at(0, y, 4 * x)};
    case PixelFormat::Gray8:
      return {at(0, y, x), at(0, y, x), at(0, y, x)};
    case PixelFormat::Nv12:
      return {at(0, y, x), at(1, y / 2, x / 2 * 2), at(1, y / 2, x / 2 * 2 + 1)};
    case PixelFormat::I420:
      return {at(0, y, x), at(1, y / 2, x / 2), at(2, y / 2, x / 2)};
    case PixelFormat::Yuy2:
      return {at(0, y, 2 * x), at(0, y, x / 2 * 4 + 1), at(0, y, x / 2 * 4 + 3)};
    case PixelFormat::Uyvy:
      return {at(0, y, 2 * x + 1), at(0, y, x / 2 * 4), at(0, y, x / 2 * 4 + 2)};
  }
  return {};
}

}  // namespace

std::array<double, 3> pixel(const ImageView& image, int x, int y) {
  if (x < 0 || y < 0 || x >= image.width || y >= image.height) return {0, 0, 0};
  const auto value = values(image, x, y);
  return is_yuv(image) ? from_yuv(image, value[0], value[1], value[2]) : from_limited(image, value);
}

std::vector<double> crop(const ImageView& image, const Map& map, const embed::InputSpec& input) {
  constexpr int kTaps = 8;
  const auto [kr, kb] = luma_weights(image);
  std::vector<double> out;
  for (int row = 0; row < input.height; ++row) {
    for (int column = 0; column < input.width; ++column) {
      std::array<double, 3> sum{};
      for (int tap = 0; tap < kTaps * kTaps; ++tap) {
        const int right = tap % kTaps, down = tap / kTaps;
        const double u = column + (right + 0.5) / kTaps, v = row + (down + 0.5) / kTaps;
        const auto value = sample(image, map.x(u, v), map.y(u, v));
        for (std::size_t c = 0; c < 3; ++c) sum[c] += value[c] / (kTaps * kTaps);
      }
      if (input.channels == 1) {
        out.push_back(kr * sum[0] + (1 - kr - kb) * sum[1] + kb * sum[2]);
      } else if (input.bgr) {
        out.insert(out.end(), {sum[2], sum[1], sum[0]});
      } else {
        out.insert(out.end(), sum.begin(), sum.end());
      }
    }
  }
  return out;
}

namespace {

std::array<double, 3> black_values(const ImageView& image) {
  const double black = full(image) ? 0 : 16;
  return is_yuv(image) ? std::array<double, 3>{black, 128, 128} : std::array<double, 3>{black, black, black};
}

/// A cell's mean in the crop's channels and their order, in full range; of an image in YUV, grey is its luma.
std::array<double, 3> in_channels(const ImageView& image, const std::array<double, 3>& mean,
                                  const embed::InputSpec& input) {
  const auto [kr, kb] = luma_weights(image);
  if (input.channels == 1) {
    const double grey = kr * mean[0] + (1 - kr - kb) * mean[1] + kb * mean[2], no_chroma = 128;
    return is_yuv(image) ? from_yuv(image, mean[0], no_chroma, no_chroma) : from_limited(image, {grey});
  }
  const auto [red, green, blue] =
      is_yuv(image) ? from_yuv(image, mean[0], mean[1], mean[2]) : from_limited(image, mean);
  if (input.bgr) return {blue, green, red};
  return {red, green, blue};
}

class Cells {
 public:
  Cells(const ImageView& image, const Part& part, int cell_x, int cell_y, const embed::InputSpec& input)
      : columns_(image.width / cell_x + 1), rows_(image.height / cell_y + 1) {
    for (int row = 0; row < rows_; ++row) {
      for (int column = 0; column < columns_; ++column) {
        std::array<double, 3> mean{};
        for (int i = 0; i < cell_x * cell_y; ++i) {
          const int x = column * cell_x + i % cell_x, y = row * cell_y + i / cell_x;
          const bool there = x >= part.x0 && x < part.x1 && y >= part.y0 && y < part.y1;
          const auto value = there ? values(image, x, y) : black_values(image);
          for (std::size_t c = 0; c < 3; ++c) mean[c] += value[c] / (double{1} * cell_x * cell_y);
        }
        means_.push_back(in_channels(image, mean, input));
      }
    }
  }

  /// Adds a tap at a point in cells.
  void add(double x, double y, double weight, std::array<double, 3>& sum) const {
    const double left = std::floor(x - 0.5), top = std::floor(y - 0.5);
    const double fx = x - 0.5 - left, fy = y - 0.5 - top;
    for (int i = 0; i < 4; ++i) {
      const int right = i % 2, down = i / 2;
      const double column = left + right, row = top + down;
      if (column < 0 || row < 0 || column >= columns_ || row >= rows_) continue;
      const double share = weight * (i % 2 == 0 ? 1 - fx : fx) * (i / 2 == 0 ? 1 - fy : fy);
      const auto& mean = means_[static_cast<std::size_t>(row * columns_ + column)];
      for (std::size_t c = 0; c < 3; ++c) sum[c] += share * mean[c];
    }
  }

 private:
  int columns_, rows_;
  std::vector<std::array<double, 3>> means_;
};

}  // namespace

std::vector<double> defined_crop(const ImageView& image, const Part& part, const Map& map,
                                 const embed::InputSpec& input) {
  const auto cell = [](double scale) { return std::max(1, static_cast<int>(std::floor(scale + 1e-6))); };
  const double scale_x = std::hypot(map.a, map.d), scale_y = std::hypot(map.b, map.e);
  const int cell_x = cell(scale_x), cell_y = cell(scale_y);
  const Cells cells(image, part, cell_x, cell_y, input);
  const int taps = std::max(scale_x / cell_x, scale_y / cell_y) > 4.0 / 3 + 1e-6 ? 2 : 1;
  std::vector<double> out;
  for (int row = 0; row < input.height; ++row) {
    for (int column = 0; column < input.width; ++column) {
      std::array<double, 3> sum{};
      for (int tap = 0; tap < taps; ++tap) {
        const double u = column + (tap + 0.5) / taps, v = row + (tap + 0.5) / taps;
        cells.add(map.x(u, v) / cell_x, map.y(u, v) / cell_y, 1.0 / taps, sum);
      }
      out.insert(out.end(), sum.begin(), sum.begin() + input.channels);
    }
  }
  return out;
}

std::vector<bool> inside(const ImageView& image, const Map& map, const embed::InputSpec& input, double room) {
  std::vector<bool> where;
  for (int row = 0; row < input.height; ++row) {
    for (int column = 0; column < input.width; ++column) {
      bool in = true;
      for (const double du : {0.0, 1.0}) {
        for (const double dv : {0.0, 1.0}) {
          const double x = map.x(column + du, row + dv), y = map.y(column + du, row + dv);
          in = in && x >= room && y >= room && x <= image.width - room && y <= image.height - room;
        }
      }
      where.push_back(in);
    }
  }
  return where;
}

Difference compare(const std::vector<std::uint8_t>& got, const std::vector<double>& expected,
                   const std::vector<bool>& where) {
  Difference difference;
  const std::size_t channels = got.size() / where.size();
  double count = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (!where[i / channels]) continue;
    const double off = std::abs(got[i] - expected[i]);
    difference.mean += off;
    difference.largest = std::max(difference.largest, off);
    ++count;
  }
  difference.mean /= std::max(count, 1.0);
  return difference;
}

}  // namespace reference
