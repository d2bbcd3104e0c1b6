// SPDX-License-Identifier: LGPL-2.1-or-later
#include "faces/exif.h"

#include <cstring>

#include "faces/byte_reader.h"

namespace embed::faces {

namespace {

constexpr int kUpright = 1;

}  // namespace

int exif_orientation(const std::uint8_t* block, std::size_t size) noexcept {
  constexpr std::size_t kMark = 6, kEntry = 12;
  constexpr std::uint32_t kOrientation = 0x0112, kShort = 3;
  if (size >= kMark && std::memcmp(block, "Exif\0\0", kMark) == 0) {
    block += kMark;
    size -= kMark;
  }
  if (size < 8) return kUpright;
  const bool little = std::memcmp(block, "II", 2) == 0;
  if (!little && std::memcmp(block, "MM", 2) != 0) return kUpright;
  const ByteReader bytes(block, size, little);
  if (bytes.u16(2) != 42) return kUpright;
  const std::size_t folder = bytes.u32(4);
  const std::size_t count = bytes.u16(folder);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t entry = folder + 2 + i * kEntry;
    if (!bytes.has(entry, kEntry)) return kUpright;
    if (bytes.u16(entry) != kOrientation) continue;
    const std::uint32_t value = bytes.u16(entry + 2) == kShort ? bytes.u16(entry + 8) : 0;
    return value >= 1 && value <= 8 ? static_cast<int>(value) : kUpright;
  }
  return kUpright;
}

cv::Mat turned_quarters(const cv::Mat& picture, int quarters) {
  const int turns = ((quarters % 4) + 4) % 4;
  if (turns == 0) return picture;
  constexpr cv::RotateFlags kTurn[] = {cv::ROTATE_90_CLOCKWISE, cv::ROTATE_180,
                                       cv::ROTATE_90_COUNTERCLOCKWISE};
  cv::Mat out;
  cv::rotate(picture, out, kTurn[turns - 1]);
  return out;
}

cv::Mat upright(const cv::Mat& picture, int orientation) {
  // EXIF says where the first row and column lie. 2, 4, 5 and 7 are mirrored before they are turned.
  constexpr int kQuarters[] = {0, 0, 2, 2, 3, 1, 1, 3};
  constexpr bool kMirrored[] = {false, true, false, true, true, false, true, false};
  if (orientation < 1 || orientation > 8) return picture;
  cv::Mat out = picture;
  if (kMirrored[orientation - 1]) cv::flip(picture, out, 1);
  return turned_quarters(out, kQuarters[orientation - 1]);
}

}  // namespace embed::faces
