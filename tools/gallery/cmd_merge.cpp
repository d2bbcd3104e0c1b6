// SPDX-License-Identifier: LGPL-2.1-or-later
// triplet-gallery merge: one person of several.
#include <memory>

#include "command_line/console.h"
#include "embed/error.h"
#include "gallery/commands.h"
#include "gallery/gallery_file.h"
#include "gallery/people.h"

namespace gallery_tool {

namespace {

struct MergeOptions {
  std::string gallery, into;
  std::vector<std::string> names;
  bool json = false;
};

Json merge_into(embed::Gallery& gallery, const MergeOptions& options, Refusals& refusals) {
  Json merged = Json::array();
  for (const std::string& name : options.names) {
    const std::int64_t label_id = find_person(gallery, name, refusals);
    if (label_id < 0) continue;
    if (label_id == gallery.find(options.into)) {
      refusals.add(name, "is the person of --into");
      continue;
    }
    merged.push_back({{"name", gallery.name(label_id)}, {"rows", gallery.rows_of(label_id)}});
    gallery.merge(name, options.into);
  }
  return merged;
}

int merge(const MergeOptions& options) {
  Refusals refusals;
  Json result = {{"gallery", options.gallery}, {"merged", Json::array()}};
  change_gallery(options.gallery, [&](embed::Gallery& gallery) {
    if (gallery.find(options.into) < 0) {
      throw embed::Error(embed::ErrorCode::NotFound, "nobody is called '" + shown(options.into) +
                                                         "'; --into: a name of the gallery expected");
    }
    result["merged"] = merge_into(gallery, options, refusals);
    const std::int64_t label_id = gallery.find(options.into);
    result["into"] = {{"name", gallery.name(label_id)},
                      {"id", gallery.person_id(label_id)},
                      {"rows", gallery.rows_of(label_id)}};
    return !result["merged"].empty();
  });
  if (options.json) {
    result["refused"] = refusals.json();
    command_line::print("%s\n", json_text(result).c_str());
  } else {
    for (const Json& one : result["merged"]) {
      command_line::print("%s, %s, is %s now\n", shown(one["name"].get<std::string>()).c_str(),
                          counted(one["rows"].get<std::size_t>(), "row").c_str(),
                          shown(result["into"]["name"].get<std::string>()).c_str());
    }
  }
  return refusals.status(result["merged"].size());
}

}  // namespace

void add_merge(CLI::App& app, Action& action) {
  auto options = std::make_shared<MergeOptions>();
  CLI::App* command = app.add_subcommand("merge", "Makes one person of two or more");
  add_gallery(*command, options->gallery);
  command->add_option("names", options->names, "Who turned out to be somebody else")
      ->required()
      ->type_name("NAME ...");
  command->add_option("--into", options->into, "Who they are; name, id and note stay")
      ->required()
      ->type_name("NAME");
  add_json(*command, options->json);
  command->footer(
      "All rows become those of --into, counter-examples too, and the note where there is none yet.\n\n"
      "Example:\n"
      "  triplet-gallery merge people.safetensors \"A. Lovelace\" --into \"Ada Lovelace\"");
  command->callback([options, &action] { action = [options] { return merge(*options); }; });
}

}  // namespace gallery_tool
