// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>

namespace embed::faces {

/// Numbers out of borrowed bytes, in either byte order. What lies beyond the end reads as 0. Any thread.
class ByteReader {
 public:
  ByteReader(const std::uint8_t* bytes, std::size_t size, bool little_endian) noexcept
      : bytes_(bytes), size_(size), little_(little_endian) {}

  bool has(std::size_t at, std::size_t count) const noexcept { return at <= size_ && count <= size_ - at; }
  std::uint32_t u16(std::size_t at) const noexcept { return number(at, 2); }
  std::uint32_t u32(std::size_t at) const noexcept { return number(at, 4); }
  std::uint32_t u24(std::size_t at) const noexcept { return number(at, 3); }

 private:
  std::uint32_t number(std::size_t at, std::size_t count) const noexcept {
    if (!has(at, count)) return 0;
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      value = value << 8U | bytes_[at + (little_ ? count - 1 - i : i)];
    }
    return value;
  }

  const std::uint8_t* bytes_;
  std::size_t size_;
  bool little_;
};

}  // namespace embed::faces
