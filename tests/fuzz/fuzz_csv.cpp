// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/pack_sources.h"
#include "embed/error.h"
#include "fuzz_target.h"

namespace fuzz {

std::vector<Bytes> seeds() {
  std::vector<Bytes> lists;
  for (const std::string text : {"path,label\na.png,Ada\n\"b,c.png\",\"B \"\"en\"\"\"\n",
                                 "\xEF\xBB\xBF"
                                 "x.jpg,1\r\n\r\ny.jpg,2"})
    lists.emplace_back(text.begin(), text.end());
  return lists;
}

}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::NamedFile input("fuzz.csv", data, size);
  try {
    training::cli::Listing listing;
    training::cli::list_source(input.path(), "", {}, 0, listing);
    if (listing.classes.empty() && listing.missing_files.empty())
      fuzz::broken("a list that was read names something");
  } catch (const embed::Error& error) {
    if (error.code() != embed::ErrorCode::Format) fuzz::broken("a bad list is a format error");
  }
  return 0;
}
