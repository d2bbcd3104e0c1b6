// SPDX-License-Identifier: LGPL-2.1-or-later
#include <cmath>

#include "data/teacher_vectors.h"
#include "embed/error.h"
#include "fixtures.h"
#include "fuzz_target.h"

namespace fuzz {

std::vector<Bytes> seeds() {
  const std::string path = fixtures::temp_dir() + "/seed";
  training::ViewRule rule;
  rule.count = 2;
  const std::vector<float> vectors(2 * 2 * 128, 0.5F);
  const std::vector<std::int64_t> digests = {1, 2};
  embed::write_safetensors(
      path,
      {{"vectors",
        {embed::DType::F32,
         {2, 2, 128},
         reinterpret_cast<const std::uint8_t*>(vectors.data()),
         vectors.size() * 4}},
       {"pictures", {embed::DType::I64, {2}, reinterpret_cast<const std::uint8_t*>(digests.data()), 16}}},
      {{"kind", "tripletembed.teacher"},
       {"version", "1"},
       {"teacher", R"({"name":"n"})"},
       {"views", training::to_text(rule)},
       {"sources", R"(["a","b"])"}});
  return {fixtures::read_bytes(path)};
}

}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::MemoryFile input(data, size);
  try {
    const training::TeacherVectors file(input.path());
    std::vector<float> values(file.views().count * 128);
    for (std::size_t row = 0; row < file.size(); ++row) {
      file.read_row(row, values.data());
      for (const float value : values) {
        if (!std::isfinite(value)) fuzz::broken("vectors are finite");
      }
      file.digest(row);
    }
    if (file.row_of("nobody knows it") > file.size()) fuzz::broken("rows are in the file");
  } catch (const embed::Error& error) {
    if (error.code() != embed::ErrorCode::Format) fuzz::broken("a bad file is a format error");
  }
  return 0;
}
