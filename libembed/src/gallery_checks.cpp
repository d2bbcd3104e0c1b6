// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gallery_checks.h"

#include <cmath>
#include <cstddef>
#include <limits>

#include "embed/embedding.h"
#include "embed/error.h"

namespace embed {

namespace {

constexpr std::size_t kLongestName = 256;

/// Length of the UTF-8 sequence that starts at text[i], 0 when it is not one (RFC 3629: no overlong forms, no
/// surrogates, nothing above U+10FFFF).
std::size_t utf8_length(const std::string& text, std::size_t i) {
  const auto byte = [&](std::size_t k) {
    return static_cast<unsigned char>(i + k < text.size() ? text[i + k] : 0);
  };
  const auto continues = [&](std::size_t k) { return (byte(k) & 0xC0U) == 0x80U; };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return continues(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    if (!continues(1) || !continues(2)) return 0;
    if (lead == 0xE0 && byte(1) < 0xA0) return 0;
    if (lead == 0xED && byte(1) > 0x9F) return 0;
    return 3;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    if (!continues(1) || !continues(2) || !continues(3)) return 0;
    if (lead == 0xF0 && byte(1) < 0x90) return 0;
    if (lead == 0xF4 && byte(1) > 0x8F) return 0;
    return 4;
  }
  return 0;
}

}  // namespace

void check_name(const std::string& name) {
  if (name.empty() || name.size() > kLongestName) {
    throw Error(ErrorCode::InvalidArgument, "identity name: 1 to 256 bytes expected");
  }
  for (std::size_t i = 0; i < name.size();) {
    const std::size_t length = utf8_length(name, i);
    if (length == 0 || static_cast<unsigned char>(name[i]) < 0x20) {
      throw Error(ErrorCode::InvalidArgument,
                  "identity name: UTF-8 text without control characters expected");
    }
    i += length;
  }
}

void check_row(const std::string& name, const float* row) {
  bool finite = true;  // Without a way out of the loop, so that it becomes vector instructions.
  for (std::size_t i = 0; i < kEmbeddingDim; ++i) {
    finite &= std::abs(row[i]) <= std::numeric_limits<float>::max();
  }
  if (finite) return;
  throw Error(ErrorCode::InvalidArgument, "embedding of '" + name + "' has values that are not finite");
}

}  // namespace embed
