// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/dataset.h"
#include "embed/error.h"
#include "fixtures.h"
#include "fuzz_target.h"

namespace fuzz {

std::vector<Bytes> seeds() {
  std::vector<Bytes> files;
  const std::string path = fixtures::temp_dir() + "/seed";
  for (const int channels : {1, 3}) {
    embed::DatasetWriter writer(4, 5, channels);
    const Bytes picture(60, 9);
    for (const char* name : {"cat", "dog", "cat"}) writer.add(picture.data(), name, "source");
    writer.set_context(1.25F);
    writer.write(path);
    files.push_back(fixtures::read_bytes(path));
  }
  return files;
}

}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::MemoryFile input(data, size);
  try {
    const embed::Dataset set(input.path());
    for (std::size_t i = 0; i < set.size(); ++i) {
      fuzz::read_through(set.image(i).data(), set.image_bytes());
      if (set.label(i) < 0 || static_cast<std::size_t>(set.label(i)) >= set.class_names().size()) {
        fuzz::broken("labels have names");
      }
      fuzz::read_through(set.source(i).data(), set.source(i).size());
    }
    if (!(set.context() >= 1 && set.context() <= 4)) fuzz::broken("the context is in its range");
  } catch (const embed::Error& error) {
    if (error.code() != embed::ErrorCode::Format) fuzz::broken("a bad file is a format error");
  }
  return 0;
}
