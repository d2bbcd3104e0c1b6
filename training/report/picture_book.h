// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "data/packed_pictures.h"

namespace training {

/// The middle of a picture without the border that its context adds, [height, width, channels] uint8.
struct SmallPicture {
  std::vector<std::uint8_t> pixels;
  int width = 0, height = 0, channels = 0;
};

/// Picture i without its border; where its longer side is above `side`, made that small by averaging areas.
SmallPicture shrink(const PackedPictures& pictures, std::size_t i, int side);

/// The pictures of a page as data URIs, each once however often it is shown, within a budget. Not
/// thread-safe.
class PictureBook {
 public:
  /// `most_bytes`: of all URIs together.
  explicit PictureBook(std::size_t most_bytes) : left_(most_bytes) {}

  /// The number of picture i, at most `side` pixels wide and high, among uris(); −1 when the budget is spent.
  int add(const PackedPictures& pictures, std::size_t i, int side);
  /// "data:image/png;base64,…", in the order of their numbers.
  const std::vector<std::string>& uris() const noexcept { return uris_; }
  /// Whether a picture was refused.
  bool full() const noexcept { return full_; }

 private:
  std::size_t left_;
  bool full_ = false;
  std::vector<std::string> uris_;
  std::map<std::string, int> numbers_;  // By URI.
};

}  // namespace training
