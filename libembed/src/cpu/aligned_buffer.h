// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

namespace embed::cpu {

/// Zeroed bytes on a cache line's edge, of a size fixed at creation. Throws std::bad_alloc.
class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  explicit AlignedBuffer(std::size_t size) {
    const std::size_t whole_lines = (size + kLine - 1) / kLine * kLine;
    if (whole_lines == 0) return;
    bytes_.reset(static_cast<std::uint8_t*>(std::aligned_alloc(kLine, whole_lines)));
    if (!bytes_) throw std::bad_alloc();
    std::memset(bytes_.get(), 0, whole_lines);
  }

  std::uint8_t* bytes() const noexcept { return bytes_.get(); }
  float* floats() const noexcept { return reinterpret_cast<float*>(bytes_.get()); }

 private:
  static constexpr std::size_t kLine = 64;
  struct Free {
    void operator()(std::uint8_t* bytes) const noexcept { std::free(bytes); }
  };
  std::unique_ptr<std::uint8_t[], Free> bytes_;
};

}  // namespace embed::cpu
