// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/error.h"
#include "fixtures.h"
#include "fuzz_target.h"
#include "learn/checkpoint.h"

namespace fuzz {

namespace {

const std::map<std::string, std::string> kOptions = {{"lr", "0.1"}, {"data", "abc"}};

training::StateTensors tensors() {
  return {{"network.weight", torch::ones({2, 3})}, {"network.bias", torch::zeros({3})}};
}

}  // namespace

std::vector<Bytes> seeds() {
  const std::string path = fixtures::temp_dir() + "/seed";
  training::Progress progress;
  progress.epoch = 3;
  progress.best_evaluation = R"({"auc":0.9})";
  training::save_checkpoint(path, tensors(), progress, kOptions);
  return {fixtures::read_bytes(path)};
}

}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::MemoryFile input(data, size);
  try {
    training::load_checkpoint(input.path(), fuzz::tensors(), fuzz::kOptions);
  } catch (const embed::Error& error) {
    if (error.code() != embed::ErrorCode::Format && error.code() != embed::ErrorCode::Mismatch)
      fuzz::broken("a bad file is a format error");
  }
  return 0;
}
