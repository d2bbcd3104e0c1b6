// SPDX-License-Identifier: LGPL-2.1-or-later
#include "faces/files.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "embed/error.h"

namespace embed::faces {

std::vector<std::uint8_t> read_file(const std::string& path) {
  constexpr std::uintmax_t kLargest = std::uintmax_t{1} << 30U;
  std::error_code failure;
  const auto status = std::filesystem::status(path, failure);
  if (status.type() == std::filesystem::file_type::not_found) {
    throw Error(ErrorCode::NotFound, "no such file", path);
  }
  if (failure) throw Error(ErrorCode::Io, failure.message(), path);
  if (status.type() != std::filesystem::file_type::regular) {
    throw Error(ErrorCode::Io, "not a regular file", path);
  }
  const std::uintmax_t size = std::filesystem::file_size(path, failure);
  if (failure) throw Error(ErrorCode::Io, failure.message(), path);
  if (size > kLargest) throw Error(ErrorCode::Format, "larger than 1 GiB", path);
  std::ifstream stream(path, std::ios::binary);
  if (!stream) throw Error(ErrorCode::Io, std::string("cannot open: ") + std::strerror(errno), path);
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(size));
  stream.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size));
  if (stream.gcount() != static_cast<std::streamsize>(size))
    throw Error(ErrorCode::Io, "cannot read it to its end", path);
  return bytes;
}

}  // namespace embed::faces
