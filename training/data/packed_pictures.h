// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "embed/dataset.h"

namespace training {

/// A picture as it is packed, [height, width, channels] uint8, RGB or grey: a row of a data set, which is
/// read off the disk when it is looked at, or pixels in memory. Borrows either. Thread-safe.
class PackedPicture {
 public:
  PackedPicture() = default;
  PackedPicture(const std::uint8_t* pixels) noexcept
      : pixels_(pixels) {}  // NOLINT(google-explicit-constructor)
  PackedPicture(const embed::Dataset& set, std::size_t row) noexcept : set_(&set), row_(row) {}

  /// Its pixels where they are, else read into `scratch` (resized as needed), in which they stay until that
  /// changes. Throws embed::Error(Io) that names the set.
  const std::uint8_t* pixels(std::vector<std::uint8_t>& scratch) const {
    if (set_ == nullptr) return pixels_;
    scratch.resize(set_->image_bytes());
    set_->read_image(row_, scratch.data());
    return scratch.data();
  }

 private:
  const std::uint8_t* pixels_ = nullptr;
  const embed::Dataset* set_ = nullptr;
  std::size_t row_ = 0;
};

/// Pictures of one size.
struct PackedPictures {
  std::vector<PackedPicture> images;  ///< [N]
  int width = 0, height = 0, channels = 0;
  float context = 1.0F;  ///< Dataset::context().
  std::string path;      ///< Of the set, for messages.
};

}  // namespace training
