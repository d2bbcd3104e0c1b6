// SPDX-License-Identifier: LGPL-2.1-or-later
#include "data/teacher.h"
#include "embed/error.h"
#include "embed/model_info.h"
#include "fixtures.h"
#include "fuzz_target.h"

namespace fuzz {

namespace {

const std::string kNetwork = "network";

}  // namespace

std::vector<Bytes> seeds() {
  const std::string text =
      R"({"name":"n","terms":"t","sha256":")" + embed::sha256_hex(kNetwork.data(), kNetwork.size()) +
      R"(","width":112,"height":112,"order":"rgb","scale":0.0078125,"mean":[127.5,127.5,127.5],)"
      R"("five_points":[[0.3,0.4],[0.6,0.4],[0.5,0.5],[0.4,0.7],[0.6,0.7]]})";
  return {Bytes(text.begin(), text.end())};
}

}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::NamedFile network("fuzz-teacher.onnx",
                                       reinterpret_cast<const std::uint8_t*>(fuzz::kNetwork.data()),
                                       fuzz::kNetwork.size());
  const fuzz::NamedFile input("fuzz-teacher.json", data, size);
  try {
    embed::validate(training::read_teacher_info(network.path()).input);
  } catch (const embed::Error& error) {
    if (error.code() != embed::ErrorCode::Format && error.code() != embed::ErrorCode::Mismatch)
      fuzz::broken("a bad file is a format error");
  }
  return 0;
}
