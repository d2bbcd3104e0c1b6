// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "embed/safetensors.h"
#include "files/atomic_file.h"

namespace embed {

/// Longest header that is read, as in the format's reference implementation.
inline constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;

std::optional<DType> dtype_from_name(std::string_view name) noexcept;

/// Bytes of a tensor of that shape, or nothing when the product overflows or a dimension is negative.
std::optional<std::uint64_t> tensor_bytes(DType dtype, const std::vector<std::int64_t>& shape) noexcept;

/// A tensor to be written whose bytes lie in several places. Borrows all of them.
struct TensorPieces {
  struct Piece {
    const std::uint8_t* data = nullptr;
    std::size_t bytes = 0;
  };
  DType dtype = DType::F32;
  std::vector<std::int64_t> shape;
  std::vector<Piece> pieces;
};

/// As write_safetensors, which see.
void write_safetensors_pieces(const std::string& path, const std::map<std::string, TensorPieces>& tensors,
                              const std::map<std::string, std::string>& metadata, Readers readers);

}  // namespace embed
