// SPDX-License-Identifier: LGPL-2.1-or-later
#include "convert/mxnet_params.h"
#include "embed/error.h"
#include "fuzz_target.h"

namespace fuzz {

namespace {

void put(Bytes& bytes, std::uint64_t value, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) bytes.push_back(static_cast<std::uint8_t>(value >> 8 * i));
}

}  // namespace

/// Two arrays of each version with the sides 1 and 2.
std::vector<Bytes> seeds() {
  std::vector<Bytes> files;
  for (const std::uint64_t magic : {0ULL, 0xF993FAC8ULL, 0xF993FAC9ULL, 0xF993FACAULL}) {
    Bytes bytes;
    for (const std::uint64_t word : {0x112ULL, 0ULL, 2ULL}) put(bytes, word, 8);
    for (int array = 0; array < 2; ++array) {
      if (magic != 0) put(bytes, magic, 4);
      if (magic > 0xF993FAC8) put(bytes, 0, 4);
      put(bytes, 2, 4);
      for (const std::uint64_t side : {1ULL, 2ULL}) put(bytes, side, magic == 0 ? 4 : 8);
      for (const std::uint64_t word : {1ULL, 0ULL, 0ULL}) put(bytes, word, 4);
      put(bytes, 0x3F8000003F800000, 8);
    }
    put(bytes, 2, 8);
    for (const char name : {'a', 'b'}) {
      put(bytes, 1, 8);
      put(bytes, static_cast<unsigned char>(name), 1);
    }
    files.push_back(bytes);
  }
  return files;
}

}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::MemoryFile input(data, size);
  try {
    const training::MxnetParams file(input.path());
    for (const auto& [name, view] : file.tensors()) {
      fuzz::read_through(view.data, view.bytes);
      std::uint64_t elements = 1;
      for (const std::int64_t side : view.shape) elements *= static_cast<std::uint64_t>(side);
      if (elements * embed::size_of(view.dtype) != view.bytes) fuzz::broken("shape and bytes agree");
    }
  } catch (const embed::Error& error) {
    if (error.code() != embed::ErrorCode::Format) fuzz::broken("a bad file is a format error");
  }
  return 0;
}
