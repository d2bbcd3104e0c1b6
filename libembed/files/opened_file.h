// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>

namespace embed {

/// A regular file that is open for reading. It is read, never mapped: whoever shortens a mapped file in place
/// (`cp` over it does) kills every process that looks at the missing pages. A file that is replaced by a
/// rename stays readable as it was. Thread-safe.
class OpenedFile {
 public:
  /// Reads a sample of the file's blocks beside. Throws Error(NotFound | Io) that names the file. Does not
  /// wait for a named pipe's writer.
  explicit OpenedFile(const std::string& path);
  ~OpenedFile();
  OpenedFile(const OpenedFile&) = delete;
  OpenedFile& operator=(const OpenedFile&) = delete;

  const std::string& path() const noexcept { return path_; }
  /// Bytes in the file when it was opened.
  std::uint64_t size() const noexcept { return size_; }

  /// Bytes [begin, begin + size) of the file into `out`. Throws Error(Io) when they cannot be read, and when
  /// the file has another size than when it was opened, or a new time of change and other bytes in the sample
  /// of its blocks: what is read is then of two files. A file that is touched, or copied over by its own
  /// copy, stays readable.
  void read(std::uint64_t begin, void* out, std::size_t size) const;

 private:
  /// Reads until the end of the file at most; the bytes that were read.
  std::size_t fetch(std::uint64_t begin, void* out, std::size_t size) const;
  std::string sample() const;
  void require_unchanged() const;

  std::string path_;
  int fd_ = -1;
  std::uint64_t size_ = 0;
  std::string sample_;
  mutable std::atomic<std::int64_t> changed_{0};  ///< Nanoseconds; the last time of change with this sample.
  mutable std::mutex checking_;  ///< Held while the sample is taken again; no other lock is taken under it.
};

}  // namespace embed
