// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/image_view.h"

#include <cstdlib>
#include <string>

#include "embed/error.h"
#include "image_layout.h"

namespace embed {

int plane_count(PixelFormat format) noexcept {
  switch (format) {
    case PixelFormat::Nv12:
      return 2;
    case PixelFormat::I420:
      return 3;
    default:
      return 1;
  }
}

bool is_yuv(PixelFormat format) noexcept {
  switch (format) {
    case PixelFormat::Nv12:
    case PixelFormat::I420:
    case PixelFormat::Yuy2:
    case PixelFormat::Uyvy:
      return true;
    default:
      return false;
  }
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
  const std::ptrdiff_t half = (static_cast<std::ptrdiff_t>(width) + 1) / 2;
  switch (format) {
    case PixelFormat::Rgb:
    case PixelFormat::Bgr:
      return 3 * static_cast<std::ptrdiff_t>(width);
    case PixelFormat::Rgba:
    case PixelFormat::Bgra:
    case PixelFormat::Rgbx:
    case PixelFormat::Bgrx:
      return 4 * static_cast<std::ptrdiff_t>(width);
    case PixelFormat::Gray8:
      return width;
    case PixelFormat::Nv12:
      return plane == 0 ? width : 2 * half;
    case PixelFormat::I420:
      return plane == 0 ? width : half;
    case PixelFormat::Yuy2:
    case PixelFormat::Uyvy:
      return 4 * half;
  }
  return 0;
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
  // So written that what is not a number is refused.
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

}  // namespace embed
