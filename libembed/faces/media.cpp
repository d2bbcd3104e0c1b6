// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/faces/media.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <filesystem>
#include <opencv2/imgcodecs.hpp>
#include <utility>

#include "embed/error.h"
#include "embed/safetensors.h"
#include "faces/convert.h"
#include "faces/exif.h"
#include "faces/files.h"
#include "faces/heif.h"
#include "faces/jpeg.h"
#include "faces/picture_header.h"
#include "faces/picture_size.h"

namespace embed::faces {

namespace {

namespace fs = std::filesystem;

std::string lower_extension(const std::string& path) {
  std::string extension = fs::path(path).extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return extension;
}

cv::Mat imdecode(const std::vector<std::uint8_t>& bytes, int flags, const std::string& path) {
  cv::Mat picture;
  try {
    picture = cv::imdecode(bytes, flags);
  } catch (const cv::Exception& error) {
    throw Error(ErrorCode::Format, "cannot decode the image: " + error.err, path);
  }
  return picture;
}

/// Lays a picture of blue, green, red and alpha on grey: what is transparent shows nothing, whatever colours
/// lie there.
cv::Mat on_grey(const cv::Mat& with_alpha) {
  constexpr int kGrey = 128, kOpaque = 255;
  cv::Mat bytes = with_alpha;
  if (with_alpha.depth() == CV_16U) with_alpha.convertTo(bytes, CV_8U, 1.0 / 256);
  cv::Mat out(bytes.size(), CV_8UC3);
  for (int y = 0; y < bytes.rows; ++y) {
    const cv::Vec4b* in = bytes.ptr<cv::Vec4b>(y);
    cv::Vec3b* pixel = out.ptr<cv::Vec3b>(y);
    for (int x = 0; x < bytes.cols; ++x) {
      const int alpha = in[x][3];
      for (int c = 0; c < 3; ++c) {
        pixel[x][c] =
            static_cast<std::uint8_t>((in[x][c] * alpha + kGrey * (kOpaque - alpha) + kOpaque / 2) / kOpaque);
      }
    }
  }
  return out;
}

/// All that libjpeg does not decode.
cv::Mat decode_other(const std::vector<std::uint8_t>& bytes, const PictureHeader& header,
                     const std::string& path) {
  if (header.may_have_alpha) {
    const cv::Mat whole = imdecode(bytes, cv::IMREAD_UNCHANGED, path);
    const bool integral = whole.depth() == CV_8U || whole.depth() == CV_16U;
    if (!integral)
      throw Error(ErrorCode::Format, "samples of 8 or 16 bits expected: convert it to JPEG or PNG", path);
    if (whole.channels() == 4) return on_grey(whole);
  }
  // Grey stays grey, everything else becomes BGR; 16-bit samples become 8-bit.
  return imdecode(bytes, cv::IMREAD_ANYCOLOR | cv::IMREAD_IGNORE_ORIENTATION, path);
}

struct Decoded {
  cv::Mat picture;
  std::string warning;
};

Decoded decode(const std::vector<std::uint8_t>& bytes, const std::string& path, std::int64_t max_pixels) {
  if (bytes.empty()) throw Error(ErrorCode::Format, "the file is empty, not an image", path);
  Decoded result;
  guard_opencv(path, [&] {
    const PictureHeader header = read_picture_header(bytes);
    if (header.kind == PictureHeader::Kind::Jpeg) {
      DecodedJpeg jpeg = decode_jpeg(bytes, path, max_pixels);
      result = {upright(jpeg.picture, jpeg.orientation), std::move(jpeg.warning)};
      return;
    }
    if (header.kind == PictureHeader::Kind::Heif) {
      const cv::Mat picture = decode_heif(bytes, path, max_pixels);
      result.picture = picture.channels() == 4 ? on_grey(picture) : picture;
      return;
    }
    // One of the two Debians' OpenCV alone reads it.
    if (header.kind == PictureHeader::Kind::Gif)
      throw Error(ErrorCode::Format, "a GIF, which is not read: convert it to JPEG or PNG", path);
    if (!header.fault.empty()) throw Error(ErrorCode::Format, "the image is damaged: " + header.fault, path);
    require_pixels(header.width, header.height, max_pixels, path);
    result.picture = upright(decode_other(bytes, header, path), header.orientation);
  });
  const cv::Mat& picture = result.picture;
  if (picture.empty() || picture.depth() != CV_8U || (picture.channels() != 1 && picture.channels() != 3)) {
    throw Error(ErrorCode::Format, "not an image that can be decoded (damaged, truncated or of another kind)",
                path);
  }
  return result;
}

ImageView view_of(const cv::Mat& bgr) {
  ImageView view;
  view.format = bgr.channels() == 1 ? PixelFormat::Gray8 : PixelFormat::Bgr;
  view.width = bgr.cols;
  view.height = bgr.rows;
  view.planes[0] = bgr.data;
  view.strides[0] = static_cast<std::ptrdiff_t>(bgr.step[0]);
  return view;
}

/// The pixels without the padding between rows.
std::vector<std::uint8_t> packed_rows(const cv::Mat& picture) {
  const std::size_t row = static_cast<std::size_t>(picture.cols) * picture.elemSize();
  std::vector<std::uint8_t> pixels;
  pixels.reserve(row * static_cast<std::size_t>(picture.rows));
  for (int y = 0; y < picture.rows; ++y) pixels.insert(pixels.end(), picture.ptr(y), picture.ptr(y) + row);
  return pixels;
}

Image image_of(const Decoded& decoded) {
  const ImageView view = view_of(decoded.picture);
  return Image(view.format, view.width, view.height, packed_rows(decoded.picture), decoded.warning);
}

}  // namespace

Image::Image(PixelFormat format, int width, int height, std::vector<std::uint8_t> pixels, std::string warning)
    : format_(format),
      width_(width),
      height_(height),
      pixels_(std::move(pixels)),
      warning_(std::move(warning)) {
  const std::ptrdiff_t channels = format == PixelFormat::Gray8 ? 1 : 3;
  if (format != PixelFormat::Gray8 && format != PixelFormat::Bgr) {
    throw Error(ErrorCode::InvalidArgument, "a decoded picture is BGR or grey");
  }
  if (width < 1 || height < 1 || pixels_.size() != static_cast<std::size_t>(channels * width * height)) {
    throw Error(ErrorCode::InvalidArgument, "a picture's pixels do not match its size");
  }
}

ImageView Image::view() const noexcept {
  ImageView view;
  view.format = format_;
  view.width = width_;
  view.height = height_;
  view.planes[0] = pixels_.data();
  view.strides[0] = (format_ == PixelFormat::Gray8 ? 1 : 3) * static_cast<std::ptrdiff_t>(width_);
  return view;
}

Image load_image(const std::string& path, std::int64_t max_pixels) {
  return image_of(decode(read_file(path), path, max_pixels));
}

Image decode_image(const std::uint8_t* bytes, std::size_t size, const std::string& name,
                   std::int64_t max_pixels) {
  return image_of(decode({bytes, bytes + size}, name, max_pixels));
}

Image turned(const ImageView& image, int quarters, int max_side) {
  validate(image);
  cv::Mat picture;
  guard_opencv("turning a picture", [&] {
    picture.create(reduced_size(image, max_side), CV_8UC3);
    to_bgr(image, picture);
    picture = turned_quarters(picture, quarters);
  });
  return Image(PixelFormat::Bgr, picture.cols, picture.rows, packed_rows(picture));
}

void require_pixels(std::int64_t width, std::int64_t height, std::int64_t max_pixels,
                    const std::string& path) {
  constexpr double kMillion = 1e6;
  const double pixels = static_cast<double>(width) * static_cast<double>(height);
  if (max_pixels <= 0 || pixels <= static_cast<double>(max_pixels)) return;
  char text[160];
  std::snprintf(text, sizeof text,
                "%lldx%lld pixels are %.0f megapixels, at most %.0f are read (max-megapixels)",
                static_cast<long long>(width), static_cast<long long>(height), pixels / kMillion,
                static_cast<double>(max_pixels) / kMillion);
  throw Error(ErrorCode::Format, text, path);
}

void save_image(const std::string& path, const ImageView& image) {
  validate(image);
  const std::string extension = lower_extension(path);
  if (!is_image_path(path)) {
    throw Error(ErrorCode::InvalidArgument, "the extension \"" + extension + "\" names no image format",
                path);
  }
  const cv::Size size(image.width, image.height);
  std::vector<std::uint8_t> bytes;
  guard_opencv(path, [&] {
    cv::Mat picture;
    if (image.format == PixelFormat::Gray8 || extension == ".pgm") {
      // Not in place: what to_gray gives may be the caller's own plane.
      const cv::Mat grey = to_gray(image, size);
      if (full_range(image)) {
        picture = grey;
      } else {
        to_full_range(grey, picture);
      }
    } else {
      picture.create(size, CV_8UC3);
      to_bgr(image, picture);
    }
    // Another name for JPEG files, which OpenCV does not know.
    cv::imencode(extension == ".jfif" ? ".jpg" : extension, picture, bytes);
  });
  if (bytes.empty()) throw Error(ErrorCode::Internal, "the image could not be encoded", path);
  write_file_atomically(path, bytes.data(), bytes.size());
}

bool is_image_path(const std::string& path) {
  constexpr std::array<const char*, 12> known = {".jpg", ".jpeg", ".jfif", ".png",  ".pgm", ".ppm",
                                                 ".pnm", ".pbm",  ".bmp",  ".webp", ".tif", ".tiff"};
  const std::string extension = lower_extension(path);
  constexpr std::array<const char*, 3> heif = {".heic", ".heif", ".avif"};
  const auto is_one = [&](const char* name) { return extension == name; };
  return std::any_of(known.begin(), known.end(), is_one) ||
         (reads_heif() && std::any_of(heif.begin(), heif.end(), is_one));
}

}  // namespace embed::faces
