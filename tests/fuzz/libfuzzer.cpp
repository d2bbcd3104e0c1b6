// SPDX-License-Identifier: LGPL-2.1-or-later
// What libFuzzer asks of a target beside its function: where to start, and how to change an input.
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>

#include "fuzz_target.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace {

constexpr std::size_t kLengthBytes = 8;

/// Whether the bytes begin with the length of a JSON header, as a safetensors file does.
bool begins_with_length(const std::uint8_t* data, std::size_t size) {
  std::uint64_t length = 0;
  if (size <= kLengthBytes) return false;
  std::memcpy(&length, data, kLengthBytes);
  return length <= size - kLengthBytes && data[kLengthBytes] == '{';
}

}  // namespace

/// The target's own seeds go into the first folder that the command line names.
extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  for (int i = 1; i < *argc; ++i) {
    const std::string folder = (*argv)[i];
    if (folder.empty() || folder[0] == '-' || !std::filesystem::is_directory(folder)) continue;
    std::size_t number = 0;
    for (const fuzz::Bytes& seed : fuzz::seeds()) {
      std::ofstream(folder + "/seed-" + std::to_string(number++), std::ios::binary)
          .write(reinterpret_cast<const char*>(seed.data()), static_cast<std::streamsize>(seed.size()));
    }
    break;
  }
  return 0;
}

/// libFuzzer's own changes. Where the header's length was right it is mostly put right again, else the parser
/// behind it is hardly reached.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
  const bool has_length = begins_with_length(data, size);
  const std::size_t changed = LLVMFuzzerMutate(data, size, max_size);
  if (!has_length || changed <= kLengthBytes || std::minstd_rand(seed)() % 4 == 0) return changed;
  std::uint64_t end = changed;
  while (end > kLengthBytes && data[end - 1] != '}') --end;
  end -= kLengthBytes;
  std::memcpy(data, &end, kLengthBytes);
  return changed;
}
