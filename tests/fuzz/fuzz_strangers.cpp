// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/error.h"
#include "fixtures.h"
#include "fuzz_target.h"
#include "identity/strangers_file.h"

using embed::identity::StrangerGroups;

namespace fuzz {

std::vector<Bytes> seeds() {
  const std::string path = fixtures::temp_dir() + "/seed";
  embed::identity::StrangersContent content;
  content.cameras = {"", "door"};
  content.last_number = 9;
  content.joined = {{4, 2}};
  for (const std::uint64_t number : {2, 9}) {
    content.groups.push_back({number, {}, {}, 0});
    for (std::uint64_t m = 0; m < number / 2; ++m)
      content.groups.back().members.push_back(
          {{}, fixtures::random_embedding(number + m), 5, 7, 1000, 2000, 1});
  }
  embed::identity::write_strangers(path, "abc", content);
  return {fixtures::read_bytes(path)};
}

}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::MemoryFile input(data, size);
  try {
    auto content = embed::identity::read_strangers(input.path(), "abc");
    std::uint64_t before = 0;
    for (const auto& group : content.groups) {
      if (group.number <= before || group.number > content.last_number) fuzz::broken("numbers ascend");
      if (group.members.empty() || group.members.size() > StrangerGroups::kMostMembers)
        fuzz::broken("1 to 16 tracks");
      for (const auto& member : group.members)
        if (member.camera >= content.cameras.size()) fuzz::broken("tracks have cameras");
      before = group.number;
    }
    StrangerGroups groups({{{1e-1, 0.5F}, {1e-4, 0.2F}}, 1000}, embed::Metric::Cosine, {});
    groups.restore(std::move(content.groups), std::move(content.joined), content.last_number);
    for (std::uint64_t number = 1; number < 12; ++number) groups.find(number);
    groups.see({1, 1, fixtures::random_embedding(1), 10, 10, 3000}, 0);
  } catch (const embed::Error& error) {
    if (error.code() != embed::ErrorCode::Format && error.code() != embed::ErrorCode::Mismatch)
      fuzz::broken("a bad file is a format error");
  }
  return 0;
}
