// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/error.h"
#include "fixtures.h"
#include "fuzz_target.h"
#include "report/run_log.h"

namespace fuzz {

std::vector<Bytes> seeds() {
  const std::string text =
      R"({"event":"start","options":{"lr":"0.1"},"images":10,"identities":2,"batches":3,"data":["set"]})"
      "\n"
      R"({"event":"epoch","epoch":1,"loss":0.5,"learning_rate":0.1,"validation":{"auc":0.9}})"
      "\n"
      R"({"event":"end","seconds":3})"
      "\n";
  return {Bytes(text.begin(), text.end())};
}

}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::NamedFile input("metrics.jsonl", data, size);
  try {
    training::read_run_log(fixtures::temp_dir());
  } catch (const embed::Error& error) {
    if (error.code() != embed::ErrorCode::Format) fuzz::broken("a bad log is a format error");
  }
  return 0;
}
