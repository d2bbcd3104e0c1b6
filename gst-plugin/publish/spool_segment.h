// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <string>

namespace embed::gst {

/// A file descriptor that is closed with the object. A value type that can be moved.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  Fd& operator=(Fd&& other) noexcept;
  ~Fd();
  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

/// A file of a spool: eight bytes that say what it is, then records, each a length (32 bits), a checksum (32
/// bits) and so many bytes. Numbers are little-endian.
struct SpoolSegment {
  std::uint64_t number = 0;
  std::string path;
  Fd fd;
  std::uint64_t size = 0;       ///< Bytes of it that are whole records.
  std::uint64_t read_at = 0;    ///< Where the next record to be read begins.
  std::uint64_t unread = 0;     ///< Records from there on.
  std::uint64_t unsettled = 0;  ///< Records that are not settled.
};

/// Where the first record of a segment begins.
std::uint64_t spool_segment_start();
/// The longest record, in bytes.
std::uint64_t longest_spool_record();

/// Makes the file, for its owner alone. Throws Error(Io).
SpoolSegment make_spool_segment(const std::string& path, std::uint64_t number);
/// Opens a file that is there and counts its records from `from` on; those up to the first one that is
/// damaged. Throws Error(Io).
SpoolSegment open_spool_segment(const std::string& path, std::uint64_t number, std::uint64_t from);
/// Throws Error(Io) and leaves the file as it was.
void append_to(SpoolSegment& segment, const std::string& record);
/// Reads the record at `read_at` and goes behind it; false where it is damaged.
bool read_from(SpoolSegment& segment, std::string& record);

}  // namespace embed::gst
