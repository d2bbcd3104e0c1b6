// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "embed/safetensors.h"

namespace embed {

/// What a header may hold. Far more than any file of ours has, and little enough that its tables stay small
/// beside its text.
inline constexpr std::size_t kMostTensors = 16'384;
inline constexpr std::size_t kMostMetadata = 1'024;

/// What stands ahead of a file's data.
struct SafetensorsHeader {
  std::map<std::string, std::string> metadata;
  std::map<std::string, TensorView> tensors;  ///< With `offset` set and `data` null.
};

/// Reads and checks a header of `data_size` bytes of data, in time and memory in proportion to its length.
/// Throws Error(Format) that names `path` and the tensor.
SafetensorsHeader parse_safetensors_header(std::string_view text, std::uint64_t data_size,
                                           const std::string& path);

}  // namespace embed
