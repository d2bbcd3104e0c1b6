// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "embed/safetensors.h"

namespace embed {

/// Longest header that is read, as in the format's reference implementation.
inline constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;

std::optional<DType> dtype_from_name(std::string_view name) noexcept;

/// Bytes of a tensor of that shape, or nothing when the product overflows or a dimension is negative.
std::optional<std::uint64_t> tensor_bytes(DType dtype, const std::vector<std::int64_t>& shape) noexcept;

}  // namespace embed
