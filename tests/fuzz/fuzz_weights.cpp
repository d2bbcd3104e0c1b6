// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/embedder.h"
#include "embed/error.h"
#include "fixtures.h"
#include "fuzz_target.h"

namespace fuzz {

/// Whole weights are too large to change at random: these lack most tensors and must never become an
/// embedder.
std::vector<Bytes> seeds() {
  const std::string path = fixtures::temp_dir() + "/seed";
  auto metadata = embed::to_metadata(embed::ModelInfo());
  metadata["kind"] = "tripletembed.weights";
  metadata["version"] = "1";
  const Bytes data(512, 0x3C);
  embed::write_safetensors(path,
                           {{"dense.bias", {embed::DType::F32, {128}, data.data(), 512}},
                            {"dense.weight", {embed::DType::F16, {2, 128}, data.data(), 512}}},
                           metadata);
  return {fixtures::read_bytes(path)};
}

}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::MemoryFile input(data, size);
  try {
    const embed::Embedder embedder(input.path());
    fuzz::broken("weights without most of their tensors are refused");
  } catch (const embed::Error& error) {
    if (error.code() != embed::ErrorCode::Format) fuzz::broken("a bad file is a format error");
  }
  return 0;
}
