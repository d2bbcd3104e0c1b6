// SPDX-License-Identifier: LGPL-2.1-or-later
#include <nlohmann/json.hpp>
#include <string>

#include "embed/error.h"
#include "embed/person_name.h"
#include "embed/printable.h"
#include "fuzz_target.h"

namespace fuzz {

std::vector<Bytes> seeds() {
  std::vector<Bytes> names;
  for (const std::string name : {"Ada", "Zoe\xCC\x88", " \xE6\x9D\x8E\xE5\xB0\x8F\xE9\xBE\x8D\xC2\xA0",
                                 "\x1B[31m\xC2\x9B\xE2\x80\xAE", "???"})
    names.emplace_back(name.begin(), name.end());
  return names;
}

}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const std::string shown = embed::printable(text);
  for (const char c : shown) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
      fuzz::broken("what is shown has no control character");
  }
  if (embed::printable(shown) != shown) fuzz::broken("what can be shown stays as it is");
  try {
    const std::string name = embed::person_name(text);
    if (name.empty() || name.size() > 256) fuzz::broken("a name has 1 to 256 bytes");
    if (embed::person_name(name) != name) fuzz::broken("a name in its normal form is its own");
    nlohmann::json(name).dump();  // Throws for what is not UTF-8.
  } catch (const embed::Error& error) {
    if (error.code() != embed::ErrorCode::InvalidArgument)
      fuzz::broken("what is no name is an argument's error");
  }
  return 0;
}
