// SPDX-License-Identifier: LGPL-2.1-or-later
// triplet-gallery move: a person or some rows to another gallery, or rows to another person.
#include <algorithm>
#include <filesystem>
#include <memory>

#include "command_line/console.h"
#include "embed/error.h"
#include "enrolment/crops.h"
#include "gallery/commands.h"
#include "gallery/gallery_file.h"
#include "gallery/people.h"

namespace gallery_tool {

namespace {

using embed::Gallery;

struct MoveOptions {
  std::string gallery, name, into, to_gallery;
  std::vector<std::string> rows;
  bool json = false;
};

struct Moved {
  std::string name, into;
  std::size_t rows = 0;
};

void move_to_person(const MoveOptions& options, Refusals& refusals, Moved& moved) {
  change_gallery(options.gallery, [&](Gallery& gallery) {
    const std::int64_t label_id = find_person(gallery, options.name, refusals);
    if (label_id < 0) return false;
    moved.name = gallery.name(label_id);
    const std::vector<std::size_t> rows = find_rows(gallery, label_id, options.rows, refusals);
    if (rows.empty()) return false;
    gallery.move_rows(rows, options.into);
    moved.into = gallery.name(gallery.find(options.into));
    moved.rows = rows.size();
    return true;
  });
}

/// The rows of a person, or those that are asked for.
std::vector<std::size_t> asked_for(const Gallery& gallery, std::int64_t label_id, const MoveOptions& options,
                                   Refusals& refusals) {
  if (!options.rows.empty()) return find_rows(gallery, label_id, options.rows, refusals);
  const PeopleRows people(gallery);
  const PeopleRows::Rows rows = people.of(label_id);
  return {rows.begin(), rows.end()};
}

/// The gallery with no other rows of that person than those.
Gallery with_rows(const Gallery& gallery, std::int64_t label_id, const std::vector<std::size_t>& rows) {
  const PeopleRows people(gallery);
  const PeopleRows::Rows all = people.of(label_id);
  std::vector<std::size_t> others;
  std::set_difference(all.begin(), all.end(), rows.begin(), rows.end(), std::back_inserter(others));
  Gallery part = gallery;
  if (!others.empty()) part.remove_rows(others);
  return part;
}

/// Two people of one name are not made one in silence.
void require_same_person(const Gallery& from, const std::string& name, const Gallery& target,
                         const MoveOptions& options) {
  if (!options.into.empty()) return;
  const std::int64_t there = target.find(name);
  if (there < 0 || target.person_id(there) == from.person_id(from.find(name))) return;
  throw embed::Error(embed::ErrorCode::InvalidArgument,
                     "somebody else is called '" + shown(name) +
                         "' there; --into NAME expected: that name where the two are one person");
}

/// Takes the rows out of the gallery that they came from, as that is by now.
void take_out(const MoveOptions& options, const std::string& name, const std::vector<std::string>& ids) {
  change_gallery(options.gallery, [&](Gallery& gallery) {
    const std::int64_t label_id = gallery.find(name);
    if (label_id < 0) return false;
    Refusals changed_since;
    const std::vector<std::size_t> rows = find_rows(gallery, label_id, ids, changed_since);
    if (!rows.empty()) gallery.remove_rows(rows);
    return !rows.empty();
  });
}

/// The rows are written to the other gallery, and then taken out of this one: what stops in between leaves
/// them in both. Neither file is locked while the other is, so that two moves never wait for each other.
void move_to_gallery(const MoveOptions& options, Refusals& refusals, Moved& moved) {
  const Gallery from = Gallery::load(options.gallery);
  const std::int64_t label_id = find_person(from, options.name, refusals);
  if (label_id < 0) return;
  moved.name = from.name(label_id);
  const std::vector<std::size_t> rows = asked_for(from, label_id, options, refusals);
  if (rows.empty()) return;
  const Gallery part = with_rows(from, label_id, rows);
  std::vector<std::string> ids;
  for (const std::size_t r : rows) ids.push_back(row_id(from, r));
  Gallery fresh(from.metric(), from.weights_sha256());
  fresh.set_threshold(from.threshold());
  change_gallery(options.to_gallery, fresh, [&](Gallery& target) {
    require_same_person(from, moved.name, target, options);
    moved.into = options.into.empty() ? moved.name : options.into;
    target.adopt(part, moved.name, moved.into);
    moved.into = target.name(target.find(moved.into));
    return true;
  });
  enrolment::copy_crops(options.gallery, options.to_gallery, ids);
  take_out(options, moved.name, ids);
  moved.rows = rows.size();
}

int move(const MoveOptions& options) {
  Refusals refusals;
  Moved moved;
  (options.to_gallery.empty() ? move_to_person : move_to_gallery)(options, refusals, moved);
  if (options.json) {
    Json result = {{"gallery", options.gallery},
                   {"name", moved.name},
                   {"rows", moved.rows},
                   {"into", moved.into},
                   {"to_gallery", options.to_gallery.empty() ? Json(nullptr) : Json(options.to_gallery)},
                   {"refused", refusals.json()}};
    command_line::print("%s\n", json_text(result).c_str());
  } else if (moved.rows > 0) {
    command_line::print("moved %s of %s to %s%s%s\n", counted(moved.rows, "row").c_str(),
                        shown(moved.name).c_str(), shown(moved.into).c_str(),
                        options.to_gallery.empty() ? "" : " in ", options.to_gallery.c_str());
  }
  return refusals.status(moved.rows);
}

void check_usage(const MoveOptions& options) {
  std::error_code none;
  if (options.to_gallery.empty() && options.into.empty())
    throw CLI::RequiredError("--to-gallery, or --row and --into");
  if (options.to_gallery.empty() && options.rows.empty())
    throw CLI::ValidationError("--row", "rows expected; `merge` gives all rows of a person to another one");
  if (!options.to_gallery.empty() && std::filesystem::equivalent(options.gallery, options.to_gallery, none))
    throw CLI::ValidationError("--to-gallery", "another gallery expected than the one to move from");
}

}  // namespace

void add_move(CLI::App& app, Action& action) {
  auto options = std::make_shared<MoveOptions>();
  CLI::App* command =
      app.add_subcommand("move", "Moves a person or rows to another gallery, or rows to another person");
  add_gallery(*command, options->gallery);
  command->add_option("name", options->name, "Whose rows they are")->required()->type_name("NAME");
  add_row_ids(*command, options->rows, "These rows alone, as `list GALLERY NAME` shows them");
  command
      ->add_option("--into", options->into,
                   "Whose they become: in the same gallery, or under that name in --to-gallery")
      ->type_name("NAME");
  command
      ->add_option("--to-gallery", options->to_gallery, "The gallery to move to; made where it is not there")
      ->type_name("FILE");
  add_json(*command, options->json);
  command->footer(
      "A person keeps id, note and counter-examples in the other gallery, which has to be of the same "
      "weights.\n"
      "Where somebody else is called so there, --into says who they are. The rows are written there before "
      "they\n"
      "are taken out here: a move that was interrupted can be given again.\n\n"
      "Examples:\n"
      "  triplet-gallery move people.safetensors Ben --to-gallery visitors.safetensors\n"
      "  triplet-gallery move people.safetensors Ada --row 3fa9c1d2e4f5 --into Ben");
  command->callback([options, &action] {
    check_usage(*options);
    action = [options] { return move(*options); };
  });
}

}  // namespace gallery_tool
