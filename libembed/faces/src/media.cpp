// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/faces/media.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/videoio.hpp>
#include <utility>

#include "convert.h"
#include "embed/error.h"
#include "embed/safetensors.h"
#include "files.h"

namespace embed::faces {

namespace {

namespace fs = std::filesystem;

std::string lower_extension(const std::string& path) {
  std::string extension = fs::path(path).extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return extension;
}

/// True for a JPEG whose last scan does not end: the decoder would fill the missing part with grey and say
/// nothing.
bool is_cut_jpeg(const std::vector<std::uint8_t>& bytes) {
  constexpr std::uint8_t kMark = 0xFF, kStart = 0xD8, kScan = 0xDA, kEnd = 0xD9;
  if (bytes.size() < 4 || bytes[0] != kMark || bytes[1] != kStart) return false;
  std::size_t at = 2;
  // Segments up to the first scan carry their lengths; an embedded preview's end marker lies inside one of
  // them.
  while (at + 4 <= bytes.size() && bytes[at] == kMark && bytes[at + 1] != kScan) {
    if (bytes[at + 1] == kMark) {
      ++at;  // fill byte
      continue;
    }
    at += 2 + (static_cast<std::size_t>(bytes[at + 2]) << 8U) + bytes[at + 3];
  }
  if (at >= bytes.size()) return true;
  const std::array<std::uint8_t, 2> end = {kMark, kEnd};
  return std::search(bytes.begin() + static_cast<std::ptrdiff_t>(at), bytes.end(), end.begin(), end.end()) ==
         bytes.end();
}

cv::Mat decode(const std::string& path) {
  const std::vector<std::uint8_t> bytes = read_file(path);
  if (bytes.empty()) throw Error(ErrorCode::Format, "the file is empty, not an image", path);
  if (is_cut_jpeg(bytes)) throw Error(ErrorCode::Format, "the JPEG image is truncated", path);
  cv::Mat picture;
  try {
    // Grey stays grey, everything else becomes BGR; 16-bit samples become 8-bit; EXIF orientation is applied.
    picture = cv::imdecode(bytes, cv::IMREAD_ANYCOLOR);
  } catch (const cv::Exception& error) {
    throw Error(ErrorCode::Format, "cannot decode the image: " + error.err, path);
  }
  if (picture.empty() || picture.depth() != CV_8U || (picture.channels() != 1 && picture.channels() != 3)) {
    throw Error(ErrorCode::Format, "not an image that can be decoded (damaged, truncated or of another kind)",
                path);
  }
  return picture;
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

}  // namespace

Image::Image(PixelFormat format, int width, int height, std::vector<std::uint8_t> pixels)
    : format_(format), width_(width), height_(height), pixels_(std::move(pixels)) {
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

Image load_image(const std::string& path) {
  const cv::Mat picture = decode(path);
  const ImageView view = view_of(picture);
  const std::size_t row = static_cast<std::size_t>(picture.cols) * picture.elemSize();
  std::vector<std::uint8_t> pixels;
  pixels.reserve(row * static_cast<std::size_t>(picture.rows));
  for (int y = 0; y < picture.rows; ++y) pixels.insert(pixels.end(), picture.ptr(y), picture.ptr(y) + row);
  return Image(view.format, view.width, view.height, std::move(pixels));
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
    cv::imencode(extension, picture, bytes);
  });
  if (bytes.empty()) throw Error(ErrorCode::Internal, "the image could not be encoded", path);
  write_file_atomically(path, bytes.data(), bytes.size());
}

bool is_image_path(const std::string& path) {
  constexpr std::array<const char*, 11> known = {".jpg", ".jpeg", ".png",  ".pgm", ".ppm", ".pnm",
                                                 ".pbm", ".bmp",  ".webp", ".tif", ".tiff"};
  const std::string extension = lower_extension(path);
  return std::any_of(known.begin(), known.end(), [&](const char* name) { return extension == name; });
}

struct VideoReader::Impl {
  cv::VideoCapture capture;
  cv::Mat frame;
};

VideoReader::VideoReader(const std::string& source) : impl_(std::make_unique<Impl>()) {
  const bool is_url = source.find("://") != std::string::npos;
  const bool is_device = source.rfind("/dev/", 0) == 0;
  if (!is_url) {
    std::error_code ignored;
    const fs::file_status status = fs::status(source, ignored);
    if (!fs::exists(status)) throw Error(ErrorCode::NotFound, "no such file or device", source);
    if (fs::is_directory(status)) throw Error(ErrorCode::Io, "a folder, not a video", source);
    if (fs::is_regular_file(status) && fs::file_size(source, ignored) == 0) {
      throw Error(ErrorCode::Format, "the file is empty, not a video", source);
    }
  }
  // An absolute path can be taken neither for a pipeline's text nor for a device's number.
  const std::string location = is_url ? source : fs::absolute(source).string();
  const std::vector<int> backends =
      is_device ? std::vector<int>{cv::CAP_V4L2} : std::vector<int>{cv::CAP_FFMPEG, cv::CAP_GSTREAMER};
  for (const int backend : backends) {
    try {
      if (impl_->capture.open(location, backend)) return;
    } catch (const cv::Exception&) {
      impl_->capture.release();  // the next backend may do better; the error below speaks for all
    }
  }
  throw Error(is_url || is_device ? ErrorCode::Io : ErrorCode::Format, "not a video that can be opened",
              source);
}

VideoReader::~VideoReader() = default;

bool VideoReader::next(ImageView& frame) {
  bool more = false;
  guard_opencv("video", [&] { more = impl_->capture.read(impl_->frame); });
  if (!more || impl_->frame.empty()) return false;
  frame = view_of(impl_->frame);
  return true;
}

}  // namespace embed::faces
