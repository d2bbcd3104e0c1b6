// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/image_view.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>

#include "base/image_layout.h"
#include "embed/error.h"

namespace embed {

namespace {

using Layouts = std::array<PixelLayout, 11>;

// In the order of PixelFormat, so that a format's value is the index of its row.
constexpr Layouts kLayouts = {{
    {PixelFormat::Rgb, "RGB", 1, 3, 1, 0, false, false},
    {PixelFormat::Bgr, "BGR", 1, 3, 1, 0, false, true},
    {PixelFormat::Rgba, "RGBA", 1, 4, 1, 0, false, false},
    {PixelFormat::Bgra, "BGRA", 1, 4, 1, 0, false, true},
    {PixelFormat::Rgbx, "RGBx", 1, 4, 1, 0, false, false},
    {PixelFormat::Bgrx, "BGRx", 1, 4, 1, 0, false, true},
    {PixelFormat::Gray8, "GRAY8", 1, 1, 1, 0, false, false},
    {PixelFormat::Nv12, "NV12", 2, 1, 1, 2, true, false},
    {PixelFormat::I420, "I420", 3, 1, 1, 1, true, false},
    {PixelFormat::Yuy2, "YUY2", 1, 2, 2, 0, true, false},
    {PixelFormat::Uyvy, "UYVY", 1, 2, 2, 0, true, false},
}};

constexpr bool in_order(const Layouts& layouts) {
  for (std::size_t i = 0; i < layouts.size(); ++i) {
    if (static_cast<std::size_t>(layouts[i].format) != i) return false;
  }
  return true;
}
static_assert(in_order(kLayouts));

}  // namespace

const Layouts& pixel_layouts() noexcept {
  return kLayouts;
}

const PixelLayout& layout_of(PixelFormat format) noexcept {
  return kLayouts[static_cast<std::size_t>(format)];
}

int plane_count(PixelFormat format) noexcept {
  return layout_of(format).planes;
}

bool is_yuv(PixelFormat format) noexcept {
  return layout_of(format).yuv;
}

LumaWeights luma_weights(YuvMatrix matrix) noexcept {
  switch (matrix) {
    case YuvMatrix::Bt709:
      return {0.2126, 0.0722};
    case YuvMatrix::Bt2020:
      return {0.2627, 0.0593};
    case YuvMatrix::Smpte240m:
      return {0.212, 0.087};
    case YuvMatrix::Fcc:
      return {0.30, 0.11};
    case YuvMatrix::Bt601:
      break;
  }
  return {0.299, 0.114};
}

bool full_range(const ImageView& image) noexcept {
  return image.range == PixelRange::Usual ? !is_yuv(image.format) : image.range == PixelRange::Full;
}

namespace {

constexpr int kLargestSide = 65'535;
constexpr float kLargestAspect = 16;

std::ptrdiff_t row_bytes(PixelFormat format, int plane, int width) {
  const PixelLayout& layout = layout_of(format);
  const auto pixels = static_cast<std::ptrdiff_t>(width);
  if (plane > 0) return (pixels + 1) / 2 * layout.chroma_bytes;
  return (pixels + layout.pixels_together - 1) / layout.pixels_together * layout.pixels_together *
         layout.pixel_bytes;
}

}  // namespace

void validate(const ImageView& image) {
  validate_layout(image);
  if (image.cuda_device != -1) {
    throw Error(ErrorCode::InvalidArgument,
                "image is for CUDA device " + std::to_string(image.cuda_device) +
                    " to read: only an embedder on that device takes it, this needs it in host memory");
  }
}

void validate_layout(const ImageView& image) {
  if (image.width < 1 || image.height < 1 || image.width > kLargestSide || image.height > kLargestSide) {
    throw Error(ErrorCode::InvalidArgument, "image size " + std::to_string(image.width) + "x" +
                                                std::to_string(image.height) +
                                                ": each side must be 1 to 65535");
  }
  // Written so that a NaN is refused.
  if (!(image.pixel_aspect >= 1 / kLargestAspect && image.pixel_aspect <= kLargestAspect)) {
    throw Error(ErrorCode::InvalidArgument,
                "image pixel aspect " + std::to_string(image.pixel_aspect) + ": must be from 1/16 to 16");
  }
  for (int plane = 0; plane < plane_count(image.format); ++plane) {
    const auto index = static_cast<std::size_t>(plane);
    if (image.planes[index] == nullptr) {
      throw Error(ErrorCode::InvalidArgument, "image plane " + std::to_string(plane) + " is missing");
    }
    const std::ptrdiff_t row = row_bytes(image.format, plane, image.width);
    if (std::abs(image.strides[index]) < row) {
      throw Error(ErrorCode::InvalidArgument, "image plane " + std::to_string(plane) + ": stride " +
                                                  std::to_string(image.strides[index]) +
                                                  " is less than a row of " + std::to_string(row) + " bytes");
    }
  }
}

float intersection_over_union(const Rect& a, const Rect& b) noexcept {
  const float width = std::min(a.x + a.width, b.x + b.width) - std::max(a.x, b.x);
  const float height = std::min(a.y + a.height, b.y + b.height) - std::max(a.y, b.y);
  if (!(width > 0) || !(height > 0)) return 0;  // What is not a number overlaps nothing.
  const float both = width * height;
  return both / (a.width * a.height + b.width * b.height - both);
}

}  // namespace embed
