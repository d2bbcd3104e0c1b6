// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/error.h"
#include "embed/gallery.h"
#include "fixtures.h"
#include "fuzz_target.h"

namespace fuzz {

std::vector<Bytes> seeds() {
  const std::string path = fixtures::temp_dir() + "/seed";
  embed::Gallery gallery(embed::Metric::L2, "0123456789abcdef");
  gallery.set_threshold(0.5F);
  for (std::uint64_t r = 0; r < 5; ++r)
    gallery.add(r % 2 == 0 ? "Ada" : "Błażej", fixtures::random_embedding(r), {0.5F, 1, "a.jpg"});
  gallery.add("Ada", fixtures::random_embedding(5), {}, embed::Role::CounterExample);
  gallery.set_note("Ada", "note");
  gallery.save(path);
  return {fixtures::read_bytes(path)};
}

}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::MemoryFile input(data, size);
  try {
    const auto gallery = embed::Gallery::load(input.path());
    embed::MatchOptions options;
    options.metric = gallery.metric();
    options.k = 3;
    const embed::Match match = gallery.match(fixtures::random_embedding(1), options);
    if (match.label_id >= static_cast<std::int64_t>(gallery.names().size()))
      fuzz::broken("labels have names");
    if ((gallery.rows() == 0) != (match.unknown == embed::Unknown::NoGallery))
      fuzz::broken("no rows, no gallery");
  } catch (const embed::Error& error) {
    if (error.code() != embed::ErrorCode::Format) fuzz::broken("a bad file is a format error");
  }
  return 0;
}
