// SPDX-License-Identifier: LGPL-2.1-or-later
#include "report/picture_book.h"

#include <algorithm>
#include <cmath>

#include "report/png_writer.h"

namespace training {

namespace {

/// Where [0, from) is cut into `to` parts: the part i begins at the result's i.
std::size_t edge(std::size_t i, std::size_t from, std::size_t to) {
  return i * from / to;
}

}  // namespace

SmallPicture shrink(const PackedPictures& pictures, std::size_t i, int side) {
  const auto without_border = [&](int packed) {
    const auto inner = static_cast<int>(std::lround(static_cast<double>(packed) / pictures.context));
    return static_cast<std::size_t>(std::clamp(inner, 1, packed));
  };
  const std::size_t from_width = without_border(pictures.width),
                    from_height = without_border(pictures.height);
  const auto channels = static_cast<std::size_t>(pictures.channels);
  const auto row = static_cast<std::size_t>(pictures.width);
  const std::size_t left = (row - from_width) / 2;
  const std::size_t top = (static_cast<std::size_t>(pictures.height) - from_height) / 2;
  const double scale =
      std::min(1.0, static_cast<double>(side) / static_cast<double>(std::max(from_width, from_height)));
  const auto smaller = [&](std::size_t length) {
    return static_cast<std::size_t>(std::max(1L, std::lround(static_cast<double>(length) * scale)));
  };
  const std::size_t width = smaller(from_width), height = smaller(from_height);
  std::vector<std::uint8_t> scratch;
  const std::uint8_t* packed = pictures.images[i].pixels(scratch);
  SmallPicture result;
  result.width = static_cast<int>(width);
  result.height = static_cast<int>(height);
  result.channels = pictures.channels;
  for (std::size_t y = 0; y < height; ++y) {
    const std::size_t y0 = edge(y, from_height, height), y1 = edge(y + 1, from_height, height);
    for (std::size_t x = 0; x < width; ++x) {
      const std::size_t x0 = edge(x, from_width, width), x1 = edge(x + 1, from_width, width);
      for (std::size_t c = 0; c < channels; ++c) {
        std::size_t sum = 0;
        for (std::size_t v = y0; v < y1; ++v) {
          for (std::size_t u = x0; u < x1; ++u) sum += packed[((top + v) * row + left + u) * channels + c];
        }
        const std::size_t area = (y1 - y0) * (x1 - x0);
        result.pixels.push_back(static_cast<std::uint8_t>((sum + area / 2) / area));
      }
    }
  }
  return result;
}

int PictureBook::add(const PackedPictures& pictures, std::size_t i, int side) {
  const SmallPicture small = shrink(pictures, i, side);
  const std::string uri = "data:image/png;base64," +
                          base64(encode_png(small.pixels.data(), small.width, small.height, small.channels));
  const auto found = numbers_.find(uri);
  if (found != numbers_.end()) return found->second;
  if (uri.size() > left_) {
    full_ = true;
    return -1;
  }
  left_ -= uri.size();
  const auto number = static_cast<int>(uris_.size());
  uris_.push_back(uri);
  numbers_[uri] = number;
  return number;
}

}  // namespace training
