// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/pair_list.h"
#include "embed/error.h"
#include "fuzz_target.h"

namespace fuzz {

std::vector<Bytes> seeds() {
  std::vector<Bytes> lists;
  for (const std::string text :
       {"1\nA B\t1\t2\nA\t1\tB\t2\n", "2 1\r\nA B 1 2\r\nA 1 B C 2\r\nA 1 3\r\nB 1 A 1\r\n",
        "\xEF\xBB\xBF"
        "a/1.png\tb/2.png\t0\t1\na/1.png\ta/3.png\t1\t2\n"})
    lists.emplace_back(text.begin(), text.end());
  return lists;
}

}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::MemoryFile input(data, size);
  try {
    const training::cli::PairList list = training::cli::read_pairs(input.path());
    if (list.pairs.empty()) fuzz::broken("a list that was read has pairs");
    for (const auto& pair : list.pairs) {
      if (pair.first >= list.images.size() || pair.second >= list.images.size() || pair.fold >= list.folds)
        fuzz::broken("images and folds of pairs are there");
    }
  } catch (const embed::Error& error) {
    if (error.code() != embed::ErrorCode::Format) fuzz::broken("a bad list is a format error");
  }
  return 0;
}
