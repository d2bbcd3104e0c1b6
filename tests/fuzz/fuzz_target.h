// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

/// What each fuzz target defines. It aborts when anything but an embed::Error comes out of the library, or
/// when what was read breaks its own promises.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace fuzz {

using Bytes = std::vector<std::uint8_t>;

/// Good files to start from; defined by each target.
std::vector<Bytes> seeds();

/// A file in memory with the given content and a path under /proc. Removed with the object.
class MemoryFile {
 public:
  MemoryFile(const std::uint8_t* data, std::size_t size);
  ~MemoryFile();
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  std::string path() const;

 private:
  int fd_;
};

/// The same in the tests' folder for temporary files, for what looks at a name or its ending; one of each
/// name at a time.
class NamedFile {
 public:
  NamedFile(const std::string& name, const std::uint8_t* data, std::size_t size);
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// Aborts with a message.
[[noreturn]] void broken(const char* promise);

/// Touches every byte, so that one that is not there faults.
void read_through(const void* data, std::size_t size);

}  // namespace fuzz
