// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/read_file.h"

#include <filesystem>
#include <fstream>

#include "embed/error.h"

namespace training {

using embed::Error;
using embed::ErrorCode;

std::vector<std::uint8_t> read_file(const std::string& path, std::uint64_t largest) {
  std::error_code failure;
  if (!std::filesystem::exists(path, failure)) throw Error(ErrorCode::NotFound, "no such file", path);
  if (!std::filesystem::is_regular_file(path, failure))
    throw Error(ErrorCode::Io, "not a regular file", path);
  const std::uintmax_t size = std::filesystem::file_size(path, failure);
  if (failure) throw Error(ErrorCode::Io, failure.message(), path);
  if (size > largest) {
    throw Error(ErrorCode::Format,
                "has " + std::to_string(size) + " bytes, at most " + std::to_string(largest) + " expected",
                path);
  }
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(size));
  std::ifstream file(path, std::ios::binary);
  file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (!file) throw Error(ErrorCode::Io, "cannot be read", path);
  return bytes;
}

}  // namespace training
