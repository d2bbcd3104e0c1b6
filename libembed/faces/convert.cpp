// SPDX-License-Identifier: LGPL-2.1-or-later
#include "faces/convert.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <new>
#include <opencv2/imgproc.hpp>

#include "embed/error.h"
#include "faces/area.h"

namespace embed::faces {

namespace {

/// Of limited range: what is black, and how much wider full range is.
constexpr float kLimitedBlack = 16, kFullScale = 255.0F / 219.0F;

/// A header over a plane; rows that run upwards in memory are turned over in a copy, since cv::Mat has no
/// negative steps.
cv::Mat plane_header(const ImageView& image, std::size_t plane, cv::Size size, int type) {
  const std::ptrdiff_t stride = image.strides[plane];
  // cv::Mat takes no pointer to const; nothing here writes through it.
  auto* first = const_cast<std::uint8_t*>(image.planes[plane]);
  if (stride >= 0) return cv::Mat(size, type, first, static_cast<std::size_t>(stride));
  cv::Mat upside_down(size, type, first + (size.height - 1) * stride, static_cast<std::size_t>(-stride));
  cv::Mat upright;
  cv::flip(upside_down, upright, 0);
  return upright;
}

cv::Mat resized(const cv::Mat& source, cv::Size size) {
  if (source.size() == size) return source;
  cv::Mat target;
  const bool shrinks = size.width <= source.cols && size.height <= source.rows;
  // OpenCV is quicker at halving, and only there.
  const bool halves = source.cols == 2 * size.width && source.rows == 2 * size.height;
  if (shrinks && !halves) {
    target.create(size, source.type());
    reduce_by_area(source, target);
  } else {
    cv::resize(source, target, size, 0, 0, shrinks ? cv::INTER_AREA : cv::INTER_LINEAR);
  }
  return target;
}

bool is_pairs(PixelFormat format) {
  return layout_of(format).pixels_together == 2;
}

/// Luma or the single plane of grey and packed colours.
cv::Mat first_plane(const ImageView& image) {
  if (is_pairs(image.format)) {
    cv::Mat luma;
    cv::extractChannel(plane_header(image, 0, {image.width, image.height}, CV_8UC2), luma,
                       image.format == PixelFormat::Yuy2 ? 0 : 1);
    return luma;
  }
  return plane_header(image, 0, {image.width, image.height}, CV_8UC(layout_of(image.format).pixel_bytes));
}

/// The 3×4 matrix from Y, U, V (0–255) to B, G, R (0–255).
cv::Matx34f yuv_to_bgr_matrix(const ImageView& image) {
  const LumaWeights weights = luma_weights(image.matrix);
  const auto kr = static_cast<float>(weights.red), kb = static_cast<float>(weights.blue);
  const float kg = 1 - kr - kb;
  const bool full = full_range(image);
  const float luma = full ? 1.0F : kFullScale;
  const float chroma = full ? 1.0F : 255.0F / 224.0F;
  const float black = full ? 0.0F : kLimitedBlack;
  const float blue_u = 2 * (1 - kb) * chroma;
  const float red_v = 2 * (1 - kr) * chroma;
  const float green_u = -blue_u * kb / kg;
  const float green_v = -red_v * kr / kg;
  const auto offset = [&](float u, float v) { return -luma * black - 128 * (u + v); };
  return {luma, blue_u,  0,       offset(blue_u, 0),         //
          luma, green_u, green_v, offset(green_u, green_v),  //
          luma, 0,       red_v,   offset(0, red_v)};
}

/// Whether each pixel of a copy of that size is made of whole pairs of pixels.
bool keeps_pairs(const ImageView& image, cv::Size size) {
  return is_pairs(image.format) && image.width % (2 * size.width) == 0 && size.height <= image.height;
}

/// The same where a pair's two lumas weigh alike: the plane is read once.
void pairs_to_bgr(const ImageView& image, cv::Mat& out) {
  const cv::Mat pairs = resized(plane_header(image, 0, {image.width / 2, image.height}, CV_8UC4), out.size());
  const cv::Matx34f matrix = yuv_to_bgr_matrix(image);
  const bool luma_first = image.format == PixelFormat::Yuy2;
  cv::Matx<float, 3, 5> of_pairs;
  for (int row = 0; row < 3; ++row) {
    const float luma = matrix(row, 0) / 2, u = matrix(row, 1), v = matrix(row, 2), offset = matrix(row, 3);
    const float lanes[2][5] = {{u, luma, v, luma, offset}, {luma, u, luma, v, offset}};
    for (int lane = 0; lane < 5; ++lane) of_pairs(row, lane) = lanes[luma_first ? 1 : 0][lane];
  }
  cv::transform(pairs, out, of_pairs);
}

void yuv_to_bgr(const ImageView& image, cv::Mat& out) {
  if (keeps_pairs(image, out.size())) {
    pairs_to_bgr(image, out);
    return;
  }
  const cv::Size half((image.width + 1) / 2, (image.height + 1) / 2);
  const cv::Mat luma = resized(first_plane(image), out.size());
  const auto chroma = [&](std::size_t plane, cv::Size size, int type) {
    return resized(plane_header(image, plane, size, type), out.size());
  };
  cv::Mat yuv(out.size(), CV_8UC3);
  if (is_pairs(image.format)) {
    const cv::Mat sources[] = {luma, chroma(0, {(image.width + 1) / 2, image.height}, CV_8UC4)};
    const bool luma_first = image.format == PixelFormat::Yuy2;
    const int lanes[] = {0, 0, luma_first ? 2 : 1, 1, luma_first ? 4 : 3, 2};
    cv::mixChannels(sources, 2, &yuv, 1, lanes, 3);
  } else if (plane_count(image.format) == 2) {
    const cv::Mat sources[] = {luma, chroma(1, half, CV_8UC2)};
    const int lanes[] = {0, 0, 1, 1, 2, 2};
    cv::mixChannels(sources, 2, &yuv, 1, lanes, 3);
  } else {
    const cv::Mat sources[] = {luma, chroma(1, half, CV_8UC1), chroma(2, half, CV_8UC1)};
    cv::merge(sources, 3, yuv);
  }
  cv::transform(yuv, out, yuv_to_bgr_matrix(image));
}

}  // namespace

cv::Size reduced_size(const ImageView& image, int max_side) {
  // As it is shown, and no line or column left out.
  const double aspect = image.pixel_aspect;
  const double width = image.width * std::max(1.0, aspect), height = image.height * std::max(1.0, 1 / aspect);
  const double longer = std::max(width, height);
  const double scale = max_side <= 0 || longer <= max_side ? 1 : max_side / longer;
  const auto side = [scale](double pixels) {
    return std::max(1, static_cast<int>(std::lround(pixels * scale)));
  };
  return {side(width), side(height)};
}

namespace {

void as_displayed(const ImageView& image, cv::Mat& out) {
  const std::uint8_t* table = transfer_table(image.transfer);
  if (table == nullptr) return;
  cv::LUT(out, cv::Mat(1, 256, CV_8UC1, const_cast<std::uint8_t*>(table)), out);
}

void to_bgr_values(const ImageView& image, cv::Mat& out) {
  if (is_yuv(image.format)) {
    yuv_to_bgr(image, out);
    return;
  }
  const cv::Mat small = resized(first_plane(image), out.size());
  if (image.format == PixelFormat::Bgr) {
    small.copyTo(out);
  } else if (image.format == PixelFormat::Gray8) {
    cv::cvtColor(small, out, cv::COLOR_GRAY2BGR);
  } else if (small.channels() == 3) {
    cv::cvtColor(small, out, cv::COLOR_RGB2BGR);
  } else {
    cv::cvtColor(small, out, layout_of(image.format).blue_first ? cv::COLOR_BGRA2BGR : cv::COLOR_RGBA2BGR);
  }
  if (!full_range(image)) to_full_range(out, out);
}

}  // namespace

void to_bgr(const ImageView& image, cv::Mat& out) {
  to_bgr_values(image, out);
  as_displayed(image, out);
}

void to_full_range(const cv::Mat& limited, cv::Mat& out) {
  limited.convertTo(out, CV_8U, kFullScale, -kLimitedBlack * kFullScale);
}

cv::Mat to_gray(const ImageView& image, cv::Size size) {
  const cv::Mat small = resized(first_plane(image), size);
  if (small.channels() == 1) return small;
  cv::Mat gray;
  const bool red_first = !layout_of(image.format).blue_first;
  if (small.channels() == 3) {
    cv::cvtColor(small, gray, red_first ? cv::COLOR_RGB2GRAY : cv::COLOR_BGR2GRAY);
  } else {
    cv::cvtColor(small, gray, red_first ? cv::COLOR_RGBA2GRAY : cv::COLOR_BGRA2GRAY);
  }
  return gray;
}

void guard_opencv(const std::string& what, const std::function<void()>& action) {
  try {
    action();
  } catch (const cv::Exception& error) {
    const ErrorCode code = error.code == cv::Error::StsNoMem ? ErrorCode::OutOfMemory : ErrorCode::Internal;
    throw Error(code, what + ": " + error.err);
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::OutOfMemory, what + ": out of memory");
  }
}

}  // namespace embed::faces
