// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace embed {

/// A regular file that is open for reading. It is read, never mapped: whoever shortens a mapped file in place
/// (`cp` over it does) kills every process that looks at the missing pages. A file that is replaced by a
/// rename stays readable as it was. Thread-safe.
class OpenedFile {
 public:
  /// Throws Error(NotFound | Io) that names the file. Does not wait for a named pipe's writer.
  explicit OpenedFile(const std::string& path);
  ~OpenedFile();
  OpenedFile(const OpenedFile&) = delete;
  OpenedFile& operator=(const OpenedFile&) = delete;

  const std::string& path() const noexcept { return path_; }
  /// Bytes in the file when it was opened.
  std::uint64_t size() const noexcept { return size_; }

  /// Bytes [begin, begin + size) of the file into `out`. Throws Error(Io) when they cannot be read, and when
  /// the file has been written to since it was opened: its bytes are then of two files.
  void read(std::uint64_t begin, void* out, std::size_t size) const;

 private:
  void require_unchanged() const;

  std::string path_;
  int fd_ = -1;
  std::uint64_t size_ = 0;
  struct timespec changed_ {};
};

}  // namespace embed
