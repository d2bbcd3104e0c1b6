// SPDX-License-Identifier: LGPL-2.1-or-later
#include "publish/spool_segment.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "embed/error.h"

namespace embed::gst {
namespace {

constexpr char kMagic[] = "TRIPSPL1";
constexpr std::uint64_t kStart = sizeof kMagic - 1;
constexpr std::uint64_t kHead = 8;
constexpr std::uint64_t kLongest = std::uint64_t{16} << 20U;

[[noreturn]] void fail(const std::string& path, const char* doing) {
  throw Error(ErrorCode::Io, std::string(doing) + ": " + std::strerror(errno), path, "spool");
}

/// FNV-1a: what it has to notice is a record that was written in part.
std::uint32_t checksum(const char* data, std::size_t size) {
  std::uint32_t sum = 2166136261U;
  for (std::size_t i = 0; i < size; ++i) sum = (sum ^ static_cast<unsigned char>(data[i])) * 16777619U;
  return sum;
}

bool read_all(int fd, char* out, std::size_t size, std::uint64_t at) {
  while (size > 0) {
    const ssize_t got = pread(fd, out, size, static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    out += got;
    at += static_cast<std::uint64_t>(got);
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

bool write_all(int fd, const char* data, std::size_t size, std::uint64_t at) {
  while (size > 0) {
    const ssize_t written = pwrite(fd, data, size, static_cast<off_t>(at));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    data += written;
    at += static_cast<std::uint64_t>(written);
    size -= static_cast<std::size_t>(written);
  }
  return true;
}

/// The record at `at`, which ends at `end` at the latest; false where there is no whole one.
bool record_at(int fd, std::uint64_t at, std::uint64_t end, std::string& record) {
  std::uint32_t head[2];
  if (at + kHead > end || !read_all(fd, reinterpret_cast<char*>(head), sizeof head, at)) return false;
  if (head[0] > kLongest || at + kHead + head[0] > end) return false;
  record.resize(head[0]);
  return read_all(fd, record.data(), record.size(), at + kHead) &&
         checksum(record.data(), record.size()) == head[1];
}

}  // namespace

Fd& Fd::operator=(Fd&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

Fd::~Fd() {
  if (fd_ >= 0) ::close(fd_);
}

std::uint64_t spool_segment_start() {
  return kStart;
}

std::uint64_t longest_spool_record() {
  return kLongest;
}

SpoolSegment make_spool_segment(const std::string& path, std::uint64_t number) {
  SpoolSegment segment;
  segment.number = number;
  segment.path = path;
  segment.fd = Fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!segment.fd) fail(path, "cannot be made");
  if (!write_all(segment.fd.get(), kMagic, kStart, 0)) {
    const int reason = errno;
    ::unlink(path.c_str());
    errno = reason;
    fail(path, "cannot be written");
  }
  segment.size = segment.read_at = kStart;
  return segment;
}

SpoolSegment open_spool_segment(const std::string& path, std::uint64_t number, std::uint64_t from) {
  SpoolSegment segment;
  segment.number = number;
  segment.path = path;
  segment.fd = Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info {};
  if (!segment.fd || fstat(segment.fd.get(), &info) != 0) fail(path, "cannot be read");
  const auto end = static_cast<std::uint64_t>(info.st_size);
  char magic[kStart];
  segment.read_at = segment.size = from;
  if (from < kStart || !read_all(segment.fd.get(), magic, kStart, 0) ||
      std::memcmp(magic, kMagic, kStart) != 0)
    return segment;
  std::string record;
  while (record_at(segment.fd.get(), segment.size, end, record)) {
    segment.size += kHead + record.size();
    ++segment.unread;
  }
  segment.unsettled = segment.unread;
  return segment;
}

void append_to(SpoolSegment& segment, const std::string& record) {
  const std::uint32_t head[2] = {static_cast<std::uint32_t>(record.size()),
                                 checksum(record.data(), record.size())};
  std::string bytes(reinterpret_cast<const char*>(head), sizeof head);
  bytes += record;
  if (!write_all(segment.fd.get(), bytes.data(), bytes.size(), segment.size)) {
    const int reason = errno;
    // What cannot be taken away again is overwritten by the next record, and is no record until then.
    if (ftruncate(segment.fd.get(), static_cast<off_t>(segment.size)) != 0) errno = 0;
    errno = reason;
    fail(segment.path, "cannot be written");
  }
  segment.size += bytes.size();
  ++segment.unread;
  ++segment.unsettled;
}

bool read_from(SpoolSegment& segment, std::string& record) {
  if (!record_at(segment.fd.get(), segment.read_at, segment.size, record)) return false;
  segment.read_at += kHead + record.size();
  --segment.unread;
  return true;
}

}  // namespace embed::gst
