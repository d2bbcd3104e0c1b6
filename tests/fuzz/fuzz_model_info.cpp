// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/error.h"
#include "embed/model_info.h"
#include "embed/safetensors.h"
#include "fixtures.h"
#include "fuzz_target.h"

namespace fuzz {

std::vector<Bytes> seeds() {
  const std::string path = fixtures::temp_dir() + "/seed";
  embed::ModelInfo info;
  info.threshold = 0.4F;
  info.evaluation = R"({"auc":0.9})";
  embed::write_safetensors(path, {}, embed::to_metadata(info));
  return {fixtures::read_bytes(path)};
}

}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::MemoryFile input(data, size);
  try {
    const embed::SafetensorsFile file(input.path());
    const embed::ModelInfo info = embed::model_info_from_metadata(file.metadata(), file.path());
    try {
      embed::validate(info.input);
    } catch (const embed::Error&) {
      fuzz::broken("what was read is valid");
    }
    if (info.threshold && !(*info.threshold >= 0)) fuzz::broken("a threshold is not negative");
    const embed::ModelInfo again = embed::model_info_from_metadata(embed::to_metadata(info), "again");
    if (again.input.width != info.input.width) fuzz::broken("what was read can be written and read");
  } catch (const embed::Error& error) {
    if (error.code() != embed::ErrorCode::Format) fuzz::broken("a bad file is a format error");
  }
  return 0;
}
