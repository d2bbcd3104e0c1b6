// SPDX-License-Identifier: LGPL-2.1-or-later
// triplet-gallery rename: another name for a person.
#include <memory>

#include "command_line/console.h"
#include "gallery/commands.h"
#include "gallery/gallery_file.h"
#include "gallery/people.h"

namespace gallery_tool {

namespace {

struct RenameOptions {
  std::string gallery, from, to;
  bool json = false;
};

int rename(const RenameOptions& options) {
  Json result = {{"gallery", options.gallery}};
  change_gallery(options.gallery, [&](embed::Gallery& gallery) {
    const std::string from = gallery.name(gallery.find(options.from));
    gallery.rename(options.from, options.to);
    const std::int64_t label_id = gallery.find(options.to);
    result["from"] = from;
    result["to"] = gallery.name(label_id);
    result["id"] = gallery.person_id(label_id);
    return from != gallery.name(label_id);
  });
  if (options.json) {
    command_line::print("%s\n", json_text(result).c_str());
  } else {
    command_line::print("%s is called %s now\n", shown(result["from"].get<std::string>()).c_str(),
                        shown(result["to"].get<std::string>()).c_str());
  }
  return 0;
}

}  // namespace

void add_rename(CLI::App& app, Action& action) {
  auto options = std::make_shared<RenameOptions>();
  CLI::App* command = app.add_subcommand("rename", "Gives a person another name");
  add_gallery(*command, options->gallery);
  command->add_option("name", options->from, "What the person is called")->required()->type_name("NAME");
  command->add_option("new-name", options->to, "What the person is to be called")
      ->required()
      ->type_name("NEW");
  add_json(*command, options->json);
  command->footer(
      "Rows, id and note stay. A name that somebody else has is refused: `merge` makes one person of two.\n\n"
      "Example:\n"
      "  triplet-gallery rename people.safetensors Ada \"Ada Lovelace\"");
  command->callback([options, &action] { action = [options] { return rename(*options); }; });
}

}  // namespace gallery_tool
