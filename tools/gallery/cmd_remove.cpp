// SPDX-License-Identifier: LGPL-2.1-or-later
// triplet-gallery remove: people, or rows of one of them, who are to be forgotten.
#include <memory>

#include "command_line/console.h"
#include "gallery/commands.h"
#include "gallery/gallery_file.h"
#include "gallery/people.h"

namespace gallery_tool {

namespace {

struct RemoveOptions {
  std::string gallery;
  std::vector<std::string> names;
  std::vector<std::string> rows;
  bool json = false;
};

/// One entry of what was removed.
Json removed(const embed::Gallery& gallery, std::int64_t label_id, std::size_t rows, bool person_gone) {
  return {{"name", gallery.name(label_id)},
          {"id", gallery.person_id(label_id)},
          {"rows", rows},
          {"person_gone", person_gone}};
}

void remove_people(embed::Gallery& gallery, const RemoveOptions& options, Refusals& refusals, Json& done) {
  for (const std::string& name : options.names) {
    const std::int64_t label_id = find_person(gallery, name, refusals);
    if (label_id < 0) continue;
    done.push_back(removed(gallery, label_id, gallery.rows_of(label_id), true));
    gallery.remove(name);
  }
}

void remove_rows(embed::Gallery& gallery, const RemoveOptions& options, Refusals& refusals, Json& done) {
  const std::int64_t label_id = find_person(gallery, options.names.front(), refusals);
  if (label_id < 0) return;
  const std::vector<std::size_t> rows = find_rows(gallery, label_id, options.rows, refusals);
  if (rows.empty()) return;
  done.push_back(removed(gallery, label_id, rows.size(), rows.size() == gallery.rows_of(label_id)));
  gallery.remove_rows(rows);
}

int remove(const RemoveOptions& options) {
  Refusals refusals;
  Json done = Json::array();
  change_gallery(options.gallery, [&](embed::Gallery& gallery) {
    (options.rows.empty() ? remove_people : remove_rows)(gallery, options, refusals, done);
    return !done.empty();
  });
  if (options.json) {
    const Json result = {{"gallery", options.gallery}, {"removed", done}, {"refused", refusals.json()}};
    command_line::print("%s\n", json_text(result).c_str());
  } else {
    for (const Json& one : done) {
      command_line::print("removed %s of %s%s\n", counted(one["rows"].get<std::size_t>(), "row").c_str(),
                          shown(one["name"].get<std::string>()).c_str(),
                          one["person_gone"].get<bool>() ? ", who is forgotten" : "");
    }
  }
  return refusals.status(done.size());
}

}  // namespace

void add_remove(CLI::App& app, Action& action) {
  auto options = std::make_shared<RemoveOptions>();
  CLI::App* command = app.add_subcommand("remove", "Forgets people, or some of a person's rows");
  add_gallery(*command, options->gallery);
  command->add_option("names", options->names, "Whom to forget")->required()->type_name("NAME ...");
  add_row_ids(*command, options->rows, "These rows of one person alone, as `list GALLERY NAME` shows them");
  add_json(*command, options->json);
  command->footer(
      "With a person's last row the person is forgotten, with the note and the counter-examples. The file "
      "then\n"
      "holds nothing of them; copies of it do.\n\n"
      "Examples:\n"
      "  triplet-gallery remove people.safetensors \"Ada Lovelace\" Ben\n"
      "  triplet-gallery remove people.safetensors Ada --row 3fa9c1d2e4f5");
  command->callback([options, &action] {
    if (!options->rows.empty() && options->names.size() != 1)
      throw CLI::ValidationError("--row", "one NAME expected, whose rows they are");
    action = [options] { return remove(*options); };
  });
}

}  // namespace gallery_tool
