// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

/// Hand-made bytes that are not a safetensors file, each with what the refusal must say.
namespace hostile {

struct Case {
  std::string name;
  std::string bytes;
  std::string fragment;  ///< Part of the message.
};

/// 8-byte little-endian length, header, `data` bytes of zeros.
std::string file_of(const std::string& header, std::size_t data = 0);
/// As file_of, with a header length that is not the header's.
std::string file_with_length(std::uint64_t length, const std::string& header, std::size_t data = 0);
/// `{"t":{"dtype":DTYPE,"shape":SHAPE,"data_offsets":OFFSETS}}`, the values as given.
std::string tensor_header(const std::string& dtype, const std::string& shape, const std::string& offsets);

std::vector<Case> length_cases();
std::vector<Case> json_cases();
std::vector<Case> dtype_cases();
std::vector<Case> shape_cases();
std::vector<Case> offset_cases();
std::vector<Case> layout_cases();
std::vector<Case> metadata_cases();
/// Every proper prefix of a good file.
std::vector<Case> truncation_cases();

}  // namespace hostile
