// SPDX-License-Identifier: LGPL-2.1-or-later
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <random>

#include "fixtures.h"
#include "fuzz_target.h"
#include "values.h"

namespace fuzz {

MemoryFile::MemoryFile(const std::uint8_t* data, std::size_t size)
    : fd_(::memfd_create("fuzz", MFD_CLOEXEC)) {
  while (size > 0) {
    const ::ssize_t done = ::write(fd_, data, size);
    if (done <= 0) broken("a file in memory can be written");
    data += done;
    size -= static_cast<std::size_t>(done);
  }
}

MemoryFile::~MemoryFile() {
  ::close(fd_);
}

std::string MemoryFile::path() const {
  return "/proc/self/fd/" + std::to_string(fd_);
}

NamedFile::NamedFile(const std::string& name, const std::uint8_t* data, std::size_t size)
    : path_(fixtures::temp_dir() + "/" + name) {
  const int fd = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  while (size > 0) {
    const ::ssize_t done = ::write(fd, data, size);
    if (done <= 0) broken("a temporary file can be written");
    data += done;
    size -= static_cast<std::size_t>(done);
  }
  ::close(fd);
}

void broken(const char* promise) {
  std::fprintf(stderr, "broken promise: %s\n", promise);
  std::abort();
}

void read_through(const void* data, std::size_t size) {
  volatile std::uint8_t sum = 0;
  const auto* bytes = static_cast<const std::uint8_t*>(data);
  for (std::size_t i = 0; i < size; ++i) sum = static_cast<std::uint8_t>(sum + bytes[i]);
}

std::vector<Bytes> arbitrary_seeds(std::size_t count, std::size_t size) {
  std::mt19937 random(1);
  std::vector<Bytes> seeds(count, Bytes(size));
  for (Bytes& seed : seeds) {
    for (std::uint8_t& byte : seed) byte = static_cast<std::uint8_t>(random());
  }
  return seeds;
}

}  // namespace fuzz
