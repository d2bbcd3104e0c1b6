// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/error.h"
#include "embed/safetensors.h"
#include "fixtures.h"
#include "fuzz_target.h"

namespace fuzz {

std::vector<Bytes> seeds() {
  const std::string path = fixtures::temp_dir() + "/seed";
  const Bytes data(96, 7);
  embed::write_safetensors(path,
                           {{"a", {embed::DType::F32, {2, 3}, data.data(), 24}},
                            {"b", {embed::DType::I64, {12}, data.data(), 96}},
                            {"scalar", {embed::DType::BF16, {}, data.data(), 2}},
                            {"empty", {embed::DType::U8, {0, 4}, nullptr, 0}}},
                           {{"kind", "fuzz"}, {"version", "1"}});
  std::vector<Bytes> files = {fixtures::read_bytes(path)};
  embed::write_safetensors(path, {}, {});
  files.push_back(fixtures::read_bytes(path));
  return files;
}

}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::MemoryFile input(data, size);
  try {
    const embed::SafetensorsFile file(input.path());
    std::size_t total = 0;
    for (const auto& [name, view] : file.tensors()) {
      std::size_t elements = 1;
      for (const std::int64_t dim : view.shape) elements *= static_cast<std::size_t>(dim);
      if (elements * embed::size_of(view.dtype) != view.bytes) fuzz::broken("bytes match the shape");
      fuzz::read_through(view.data, view.bytes);
      total += view.bytes;
    }
    if (total > size) fuzz::broken("tensors fit the file");
    file.require_kind("fuzz", 1);
  } catch (const embed::Error& error) {
    if (error.code() != embed::ErrorCode::Format) fuzz::broken("a bad file is a format error");
  }
  return 0;
}
