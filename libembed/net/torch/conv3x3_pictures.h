// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <cstring>

#include "net/cpu/plane.h"

// Memory and pictures between LibTorch and the kernels of our own.

namespace embed::nn {

inline torch::Tensor bytes(std::int64_t count) {
  return torch::empty({count}, torch::kUInt8);  // LibTorch's memory is aligned to 64 bytes.
}

inline std::uint8_t* data(const torch::Tensor& tensor) {
  return static_cast<std::uint8_t*>(tensor.data_ptr());
}

/// [H][W][C] numbers into the middle of a plane, zeros around.
inline void pad_picture(const std::uint8_t* picture, const cpu::Plane& plane, std::uint8_t* to) {
  const auto size = [](std::ptrdiff_t count) { return static_cast<std::size_t>(count); };
  const std::ptrdiff_t line = plane.width * plane.pixel_bytes();
  const std::ptrdiff_t left = plane.border * plane.pixel_bytes(), right = plane.row_bytes() - line - left;
  std::memset(to, 0, size(plane.row_bytes()));
  to += plane.row_bytes();
  for (std::int64_t y = 0; y < plane.height; ++y, picture += line, to += plane.row_bytes()) {
    std::memset(to, 0, size(left));
    std::memcpy(to + left, picture, size(line));
    std::memset(to + left + line, 0, size(right));
  }
  std::memset(to, 0, size((plane.border + plane.slack) * plane.row_bytes()));
}

/// The pictures [first, last) of a channels-last tensor, each into a plane, one behind the other.
inline void pad(const torch::Tensor& pictures, std::int64_t first, std::int64_t last, const cpu::Plane& plane,
                std::uint8_t* to) {
  const std::ptrdiff_t picture = plane.pixels() * plane.pixel_bytes();
  for (std::int64_t i = first; i < last; ++i, to += plane.image_bytes()) {
    pad_picture(data(pictures) + i * picture, plane, to);
  }
}

}  // namespace embed::nn
