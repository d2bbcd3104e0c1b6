// SPDX-License-Identifier: LGPL-2.1-or-later
// triplet-gallery strangers: the people without a name whom pipelines have seen.
#include <algorithm>
#include <memory>
#include <set>

#include "command_line/console.h"
#include "embed/strangers.h"
#include "embed/utc_time.h"
#include "gallery/commands.h"
#include "gallery/gallery_file.h"
#include "gallery/output.h"

namespace gallery_tool {

namespace {

struct StrangersOptions {
  std::string file;
  bool json = false;
};

/// What the tracks of a group say together.
struct Summary {
  std::string label;
  std::size_t tracks = 0;
  std::int64_t first = 0, last = 0;  // UTC, milliseconds since 1970.
  double quality = 0;
  std::set<std::string> cameras;

  explicit Summary(const embed::StrangerGroup& group)
      : label(embed::stranger_label(group.number)), tracks(group.tracks.size()) {
    double weight = 0, looks = 0;
    for (const embed::StrangerTrack& track : group.tracks) {
      first = looks == 0 ? track.first : std::min(first, track.first);
      last = looks == 0 ? track.last : std::max(last, track.last);
      weight += static_cast<double>(track.weight);
      looks += static_cast<double>(track.looks);
      if (!track.camera.empty()) cameras.insert(track.camera);
    }
    quality = looks > 0 ? weight / looks : 0;
  }
};

std::string time_text(std::int64_t milliseconds) {
  return date_text(milliseconds / 1000);
}

int strangers(const StrangersOptions& options) {
  std::vector<Summary> groups;
  for (const embed::StrangerGroup& group : embed::read_stranger_groups(options.file))
    groups.emplace_back(group);
  std::stable_sort(groups.begin(), groups.end(),
                   [](const Summary& a, const Summary& b) { return a.last > b.last; });
  Json all = Json::array();
  if (!options.json) command_line::print("%s: %zu strangers\n", options.file.c_str(), groups.size());
  for (const Summary& group : groups) {
    if (options.json) {
      all.push_back({{"stranger", group.label},
                     {"tracks", group.tracks},
                     {"quality", group.quality},
                     {"first_seen", time_text(group.first)},
                     {"last_seen", time_text(group.last)},
                     {"cameras", group.cameras}});
      continue;
    }
    command_line::print("  %-16s %2zu tracks, quality %.2f, %s to %s", group.label.c_str(), group.tracks,
                        group.quality, time_text(group.first).c_str(), time_text(group.last).c_str());
    for (const std::string& camera : group.cameras) command_line::print(", %s", shown(camera).c_str());
    command_line::print("\n");
  }
  if (options.json)
    command_line::print("%s\n", json_text({{"file", options.file}, {"strangers", all}}).c_str());
  return 0;
}

}  // namespace

void add_strangers(CLI::App& app, Action& action) {
  auto options = std::make_shared<StrangersOptions>();
  CLI::App* command =
      app.add_subcommand("strangers", "Lists the people without a name who came back, most recent first");
  command->add_option("file", options->file, "The file that tripletembed's property `strangers` names")
      ->required()
      ->type_name("FILE");
  add_json(*command, options->json);
  command->footer(
      "It is read as it was written last, while a pipeline goes on writing it. Of a stranger the 16 best "
      "tracks\n"
      "are kept.\n\n"
      "Example:\n"
      "  triplet-gallery strangers people.strangers --json");
  command->callback([options, &action] { action = [options] { return strangers(*options); }; });
}

}  // namespace gallery_tool
