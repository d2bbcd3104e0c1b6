// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pixel_rows.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace embed {

namespace {

constexpr int kOne = 1 << 16;
constexpr int kHalf = kOne / 2;

int fixed(double value) {
  return static_cast<int>(std::lround(value * kOne));
}

std::uint8_t clamp_byte(int value) {
  return static_cast<std::uint8_t>(std::clamp(value, 0, 255));
}

struct LumaWeights {
  double red, blue;
};

LumaWeights luma_weights(YuvMatrix matrix) {
  switch (matrix) {
    case YuvMatrix::Bt709:
      return {0.2126, 0.0722};
    case YuvMatrix::Bt2020:
      return {0.2627, 0.0593};
    case YuvMatrix::Bt601:
      break;
  }
  return {0.299, 0.114};
}

}  // namespace

RowConverter::RowConverter(const ImageView& image, int channels, bool bgr)
    : image_(image), channels_(channels) {
  if (bgr) std::swap(out_red_, out_blue_);
  switch (image.format) {
    case PixelFormat::Rgb:
    case PixelFormat::Bgr:
      pixel_bytes_ = 3;
      break;
    case PixelFormat::Gray8:
      pixel_bytes_ = 1;
      break;
    default:
      pixel_bytes_ = 4;
  }
  if (image.format == PixelFormat::Bgr || image.format == PixelFormat::Bgra ||
      image.format == PixelFormat::Bgrx) {
    std::swap(red_, blue_);
  }
  const auto [kr, kb] = luma_weights(image.matrix);
  const double chroma = image.full_range ? 1.0 : 255.0 / 224.0;
  y_offset_ = image.full_range ? 0 : 16;
  y_gain_ = fixed(image.full_range ? 1.0 : 255.0 / 219.0);
  v_to_red_ = fixed(2 * (1 - kr) * chroma);
  u_to_blue_ = fixed(2 * (1 - kb) * chroma);
  u_to_green_ = -fixed(2 * (1 - kb) * kb / (1 - kr - kb) * chroma);
  v_to_green_ = -fixed(2 * (1 - kr) * kr / (1 - kr - kb) * chroma);
}

void RowConverter::operator()(int y, int x0, int x1, std::uint8_t* out) const {
  const bool is_yuv = image_.format == PixelFormat::Nv12 || image_.format == PixelFormat::I420;
  if (!is_yuv) return packed(y, x0, x1, out);
  return channels_ == 1 ? luma(y, x0, x1, out) : yuv(y, x0, x1, out);
}

void RowConverter::packed(int y, int x0, int x1, std::uint8_t* out) const {
  const std::uint8_t* in =
      image_.planes[0] + y * image_.strides[0] + static_cast<std::ptrdiff_t>(x0) * pixel_bytes_;
  const int count = x1 - x0;
  if (pixel_bytes_ == 1) {
    if (channels_ == 1) {
      std::memcpy(out, in, static_cast<std::size_t>(count));
    } else {
      for (int i = 0; i < count; ++i) out[3 * i] = out[3 * i + 1] = out[3 * i + 2] = in[i];
    }
    return;
  }
  if (channels_ == 1) {
    // BT.601 luma, whose three weights add up to exactly one.
    const int kr = fixed(0.299), kb = fixed(0.114), kg = kOne - kr - kb;
    for (int i = 0; i < count; ++i, in += pixel_bytes_) {
      out[i] = static_cast<std::uint8_t>((kr * in[red_] + kg * in[1] + kb * in[blue_] + kHalf) >> 16);
    }
    return;
  }
  for (int i = 0; i < count; ++i, in += pixel_bytes_, out += 3) {
    out[out_red_] = in[red_];
    out[1] = in[1];
    out[out_blue_] = in[blue_];
  }
}

void RowConverter::yuv(int y, int x0, int x1, std::uint8_t* out) const {
  const std::uint8_t* luma_row = image_.planes[0] + y * image_.strides[0];
  const std::uint8_t* u_row = image_.planes[1] + (y / 2) * image_.strides[1];
  const std::uint8_t* v_row = nullptr;
  int step = 1;
  if (image_.format == PixelFormat::Nv12) {
    v_row = u_row + 1;
    step = 2;
  } else {
    v_row = image_.planes[2] + (y / 2) * image_.strides[2];
  }
  for (int x = x0; x < x1; ++x, out += 3) {
    const int level = (luma_row[x] - y_offset_) * y_gain_ + kHalf;
    const int u = u_row[(x / 2) * step] - 128;
    const int v = v_row[(x / 2) * step] - 128;
    out[out_red_] = clamp_byte((level + v_to_red_ * v) >> 16);
    out[1] = clamp_byte((level + u_to_green_ * u + v_to_green_ * v) >> 16);
    out[out_blue_] = clamp_byte((level + u_to_blue_ * u) >> 16);
  }
}

void RowConverter::luma(int y, int x0, int x1, std::uint8_t* out) const {
  const std::uint8_t* row = image_.planes[0] + y * image_.strides[0];
  for (int x = x0; x < x1; ++x) out[x - x0] = clamp_byte(((row[x] - y_offset_) * y_gain_ + kHalf) >> 16);
}

}  // namespace embed
