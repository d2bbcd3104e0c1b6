// SPDX-License-Identifier: LGPL-2.1-or-later
// What is read of a picture file before a decoder sees it, and a JPEG with the decoder.
#include <opencv2/imgcodecs.hpp>

#include "embed/error.h"
#include "faces/exif.h"
#include "faces/jpeg.h"
#include "faces/picture_header.h"
#include "fuzz_target.h"

namespace fuzz {

namespace {

constexpr std::int64_t kMostPixels = 4096;

/// An EXIF block that says that orientation.
std::string exif(char orientation) {
  using namespace std::string_literals;
  return "Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0"s + orientation + "\0\0\0\0\0\0\0"s;
}

std::string riff(const std::string& chunks) {
  return std::string("RIFF") + static_cast<char>(chunks.size() + 4) + std::string(3, '\0') + "WEBP" + chunks;
}

}  // namespace

std::vector<Bytes> seeds() {
  using namespace std::string_literals;
  std::vector<Bytes> files;
  for (const char* ending : {".jpg", ".png", ".bmp", ".tiff", ".webp"}) {
    for (const int type : {CV_8UC1, CV_8UC3}) {
      const cv::Mat picture(6, 9, type, cv::Scalar(30, 90, 200));
      files.emplace_back();
      cv::imencode(ending, picture, files.back());
    }
  }
  const std::string block = exif(6);
  const std::string marker = "\xFF\xE1"s + '\0' + static_cast<char>(block.size() + 2) + block;
  Bytes turned = files[0];
  turned.insert(turned.begin() + 2, marker.begin(), marker.end());
  files.push_back(turned);
  for (const std::string& text : {riff("VP8X\x0A\0\0\0\x18\0\0\0\x3F\0\0\x2F\0\0EXIF"s +
                                       static_cast<char>(block.size()) + "\0\0\0"s + block),
                                  "P6 # a comment\n4 3\n255\n"s, block})
    files.emplace_back(text.begin(), text.end());
  return files;
}

}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::Bytes bytes(data, data + size);
  const auto header = embed::faces::read_picture_header(bytes);
  if (header.width < 0 || header.height < 0) fuzz::broken("sides are not negative");
  for (const int orientation : {header.orientation, embed::faces::exif_orientation(data, size)}) {
    if (orientation < 1 || orientation > 8) fuzz::broken("an orientation is 1 to 8");
  }
  if (header.kind != embed::faces::PictureHeader::Kind::Jpeg) return 0;
  try {
    const auto decoded = embed::faces::decode_jpeg(bytes, "a.jpg", fuzz::kMostPixels);
    if (static_cast<std::int64_t>(decoded.picture.total()) > fuzz::kMostPixels)
      fuzz::broken("no more pixels than are allowed");
    fuzz::read_through(decoded.picture.data, decoded.picture.total() * decoded.picture.elemSize());
    embed::faces::upright(decoded.picture, decoded.orientation);
  } catch (const embed::Error& error) {
    if (error.code() != embed::ErrorCode::Format && error.code() != embed::ErrorCode::Unsupported)
      fuzz::broken("a bad picture is a format error");
  }
  return 0;
}
