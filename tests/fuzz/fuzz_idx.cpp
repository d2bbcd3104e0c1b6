// SPDX-License-Identifier: LGPL-2.1-or-later
#include <zlib.h>

#include "cli/idx.h"
#include "embed/error.h"
#include "fixtures.h"
#include "fuzz_target.h"

namespace fuzz {

namespace {

const Bytes kImages = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8};
const Bytes kLabels = {0, 0, 8, 1, 0, 0, 0, 2, 7, 9};

Bytes gzipped(const Bytes& bytes) {
  const std::string path = fixtures::temp_dir() + "/seed.gz";
  const gzFile file = ::gzopen(path.c_str(), "wb");
  ::gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
  ::gzclose(file);
  return fixtures::read_bytes(path);
}

}  // namespace

/// The first byte says which of the two files the rest is.
std::vector<Bytes> seeds() {
  std::vector<Bytes> files;
  for (const Bytes& good : {kImages, kLabels}) {
    for (Bytes bytes : {good, gzipped(good)}) {
      bytes.insert(bytes.begin(), good.size() == kImages.size() ? 0 : 1);
      files.push_back(bytes);
    }
  }
  return files;
}

}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const bool labels = size > 0 && data[0] % 2 == 1;
  const std::uint8_t* const rest = data + (size > 0 ? 1 : 0);
  const std::size_t length = size > 0 ? size - 1 : 0;
  const fuzz::MemoryFile input(rest, length);
  const fuzz::MemoryFile good(labels ? fuzz::kImages.data() : fuzz::kLabels.data(),
                              labels ? fuzz::kImages.size() : fuzz::kLabels.size());
  try {
    const auto set =
        training::cli::read_idx(labels ? good.path() : input.path(), labels ? input.path() : good.path());
    const std::size_t pixels = static_cast<std::size_t>(set.rows) * static_cast<std::size_t>(set.columns);
    if (set.images.size() != set.count * pixels || set.labels.size() != set.count)
      fuzz::broken("there are as many pictures and labels as the set says");
  } catch (const embed::Error& error) {
    if (error.code() != embed::ErrorCode::Format && error.code() != embed::ErrorCode::Mismatch)
      fuzz::broken("a bad file is a format error");
  }
  return 0;
}
