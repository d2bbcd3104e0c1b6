// SPDX-License-Identifier: LGPL-2.1-or-later
#include "image/pixel_sums.h"

#include <algorithm>

namespace embed {

PixelSums::Way PixelSums::way_of(PixelFormat format, int channels) noexcept {
  switch (format) {
    case PixelFormat::Gray8:
      return Way::Bytes;
    case PixelFormat::Rgb:
    case PixelFormat::Bgr:
    case PixelFormat::Rgba:
    case PixelFormat::Bgra:
    case PixelFormat::Rgbx:
    case PixelFormat::Bgrx:
      return channels == 1 ? Way::Grey : Way::Bytes;
    case PixelFormat::Nv12:
    case PixelFormat::I420:
      return channels == 1 ? Way::Luma : Way::Yuv;
    case PixelFormat::Yuy2:
    case PixelFormat::Uyvy:
      return Way::Pairs;
  }
  return Way::Bytes;
}

PixelSums::PixelSums(const ImageView& image, int channels, const CropKernels& kernels)
    : image_(image), kernels_(kernels), way_(way_of(image.format, channels)) {
  const std::uint8_t black = full_range(image) ? 0 : 16;
  const bool yuv = is_yuv(image.format);
  gains_ = yuv && channels == 3 ? yuv_gains(image) : luma_gains(image);
  black_ = {black, black, black, 0};
  if (yuv) black_ = {black, 128, 128, 0};
  limited_ = !yuv && black > 0;
  switch (way_) {
    case Way::Bytes:
      step_ = layout_of(image.format).pixel_bytes;
      break;
    case Way::Yuv:
    case Way::Pairs:
      step_ = kLanes;
      break;
    case Way::Luma:
    case Way::Grey:
      step_ = 1;
  }
}

void PixelSums::operator()(const PixelBlock& block, std::uint16_t* sums) const {
  switch (way_) {
    case Way::Bytes:
    case Way::Luma: {
      const std::uint8_t* first =
          image_.planes[0] + block.y0 * image_.strides[0] + std::ptrdiff_t{block.x0} * step_;
      return kernels_.sum_bytes(first, image_.strides[0], block.y1 - block.y0, (block.x1 - block.x0) * step_,
                                (image_.width - block.x0) * step_, sums);
    }
    case Way::Yuv:
      return kernels_.sum_yuv(image_, block, sums);
    case Way::Pairs:
      return pairs(block, sums);
    case Way::Grey:
      return grey(block, sums);
  }
}

void PixelSums::to_colours(int count, std::int16_t* means) const {
  if (way_ == Way::Yuv || way_ == Way::Luma || way_ == Way::Pairs) kernels_.to_colours(gains_, count, means);
  if (limited_) to_full_range(gains_, count, means);
}

void PixelSums::colour_cells(const PixelBlock& block, int width, std::int16_t* means) const {
  kernels_.colour_cells(image_, gains_, block, width, means);
}

void PixelSums::pairs(const PixelBlock& block, std::uint16_t* sums) const {
  const bool luma_first = image_.format == PixelFormat::Yuy2;
  const int luma = luma_first ? 0 : 1, u = luma_first ? 1 : 0, v = luma_first ? 3 : 2;
  const int row_bytes = (image_.width + 1) / 2 * 4;
  constexpr int kPixels = 512;  // At a time, so that the sums of bytes fit a small buffer.
  std::uint16_t bytes[2 * kPixels + kSlack];
  for (int x0 = block.x0; x0 < block.x1; x0 += kPixels) {
    const int count = std::min(kPixels, block.x1 - x0), pairs = (count + 1) / 2;
    const std::uint8_t* first = image_.planes[0] + block.y0 * image_.strides[0] + std::ptrdiff_t{x0} * 2;
    kernels_.sum_bytes(first, image_.strides[0], block.y1 - block.y0, 4 * pairs, row_bytes - 2 * x0, bytes);
    // Of an odd count the last pair writes one pixel more than it was asked for, into the slack.
    for (int pair = 0; pair < pairs; ++pair, sums += 2 * kLanes) {
      const std::uint16_t* in = bytes + std::ptrdiff_t{pair} * 4;
      sums[0] = in[luma], sums[1] = in[u], sums[2] = in[v], sums[3] = 0;
      sums[4] = in[luma + 2], sums[5] = in[u], sums[6] = in[v], sums[7] = 0;
    }
  }
}

void PixelSums::grey(const PixelBlock& block, std::uint16_t* sums) const {
  // BT.601 luma in 16.16 fixed point, whose three weights add up to exactly one.
  constexpr int kOne = 1 << 16, kRed = 19'595, kBlue = 7'471, kGreen = kOne - kRed - kBlue;
  const bool blue = layout_of(image_.format).blue_first;
  const int first = blue ? kBlue : kRed, last = blue ? kRed : kBlue;
  const int bytes = layout_of(image_.format).pixel_bytes;
  std::fill(sums, sums + (block.x1 - block.x0), std::uint16_t{0});
  for (int y = block.y0; y < block.y1; ++y) {
    const std::uint8_t* pixel = image_.planes[0] + y * image_.strides[0] + std::ptrdiff_t{block.x0} * bytes;
    for (int i = 0; i < block.x1 - block.x0; ++i, pixel += bytes) {
      const int level = (first * pixel[0] + kGreen * pixel[1] + last * pixel[2] + kOne / 2) >> 16;
      sums[i] = static_cast<std::uint16_t>(sums[i] + level);
    }
  }
}

}  // namespace embed
