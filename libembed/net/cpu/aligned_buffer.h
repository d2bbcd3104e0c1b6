// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace embed::cpu {

/// Memory for many buffers that are used together, in huge pages where the system gives them: a pass goes
/// through tens of megabytes, thousands of ordinary pages, and a virtual machine takes long to look each of
/// them up. What is never handed out is never touched, and takes no memory. Not thread-safe.
class Arena {
 public:
  /// `size` bytes at the edge of `line` bytes, valid as long as the result; not zeroed. Throws
  /// std::bad_alloc.
  std::shared_ptr<std::uint8_t> take(std::size_t size, std::size_t line) {
    const std::size_t begin = (used_ + line - 1) / line * line;
    if (block_ && begin + size <= kBlock) {
      used_ = begin + size;
      return {block_, block_.get() + begin};
    }
    if (size > kBlock / 4) return block((size + kPage - 1) / kPage * kPage);
    block_ = block(kBlock);
    used_ = size;
    return block_;
  }

 private:
  static constexpr std::size_t kPage = std::size_t{2} << 20, kBlock = 8 * kPage;

  static std::shared_ptr<std::uint8_t> block(std::size_t size) {
    auto* bytes = static_cast<std::uint8_t*>(std::aligned_alloc(kPage, size));
    if (bytes == nullptr) throw std::bad_alloc();
#if defined(__linux__)
    madvise(bytes, size, MADV_HUGEPAGE);  // Where it fails ordinary pages do.
#endif
    return {bytes, [](std::uint8_t* p) { std::free(p); }};
  }

  std::shared_ptr<std::uint8_t> block_;
  std::size_t used_ = 0;
};

/// Zeroed bytes on a cache line's edge, of a size fixed at creation. Throws std::bad_alloc.
class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  explicit AlignedBuffer(std::size_t size) {
    if (size == 0) return;
    auto* bytes = static_cast<std::uint8_t*>(std::aligned_alloc(kLine, whole_lines(size)));
    if (bytes == nullptr) throw std::bad_alloc();
    bytes_ = {bytes, [](std::uint8_t* p) { std::free(p); }};
    std::memset(bytes, 0, whole_lines(size));
  }
  /// Out of an arena, which need not live as long.
  AlignedBuffer(std::size_t size, Arena& arena) {
    if (size == 0) return;
    bytes_ = arena.take(whole_lines(size), kLine);
    std::memset(bytes_.get(), 0, whole_lines(size));
  }

  AlignedBuffer(AlignedBuffer&&) noexcept = default;
  AlignedBuffer& operator=(AlignedBuffer&&) noexcept = default;
  AlignedBuffer(const AlignedBuffer&) = delete;  // Two owners would write over each other.
  AlignedBuffer& operator=(const AlignedBuffer&) = delete;
  ~AlignedBuffer() = default;

  std::uint8_t* bytes() const noexcept { return bytes_.get(); }
  float* floats() const noexcept { return reinterpret_cast<float*>(bytes_.get()); }

 private:
  static constexpr std::size_t kLine = 64;
  static constexpr std::size_t whole_lines(std::size_t size) { return (size + kLine - 1) / kLine * kLine; }

  std::shared_ptr<std::uint8_t> bytes_;
};

}  // namespace embed::cpu
