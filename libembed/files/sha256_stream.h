// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "files/sha256_blocks.h"

namespace embed {

/// SHA-256 of bytes that come in pieces. Not thread-safe.
class Sha256 {
 public:
  Sha256() noexcept;
  void add(const void* data, std::size_t size) noexcept;
  /// 64 lower-case hex digits of all that was added.
  std::string hex() const;

 private:
  Sha256State state_;
  Sha256Blocks take_;
  std::array<std::uint8_t, 64> rest_block_{};  ///< Bytes that do not make a whole block yet.
  std::size_t rest_ = 0;
  std::uint64_t size_ = 0;
};

}  // namespace embed
