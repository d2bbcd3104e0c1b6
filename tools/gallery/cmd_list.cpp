// SPDX-License-Identifier: LGPL-2.1-or-later
// triplet-gallery list: who is in a gallery.
#include <algorithm>
#include <limits>
#include <memory>
#include <numeric>
#include <optional>

#include "command_line/console.h"
#include "gallery/commands.h"
#include "gallery/gallery_file.h"
#include "gallery/people.h"

namespace gallery_tool {

namespace {

using command_line::print;
using embed::Gallery;
using embed::Role;

struct ListOptions {
  std::string gallery;
  std::vector<std::string> names;
  bool rows = false;
  bool json = false;
};

/// What the rows of a person say together.
struct Summary {
  std::optional<float> worst, best;
  std::int64_t earliest = 0, latest = 0;

  void add(const embed::Enrolment& enrolment) {
    if (enrolment.quality) {
      worst = std::min(worst.value_or(*enrolment.quality), *enrolment.quality);
      best = std::max(best.value_or(*enrolment.quality), *enrolment.quality);
    }
    if (enrolment.time == 0) return;
    earliest = earliest == 0 ? enrolment.time : std::min(earliest, enrolment.time);
    latest = latest == 0 ? enrolment.time : std::max(latest, enrolment.time);
  }
};

Json text_or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

Json quality_or_null(const std::optional<float>& quality) {
  return quality ? Json(*quality) : Json(nullptr);
}

/// Prints people one by one, so that a large gallery is not held a second time as text.
class Lister {
 public:
  Lister(const Gallery& gallery, const ListOptions& options)
      : gallery_(gallery),
        options_(options),
        with_rows_(options.rows || !options.names.empty()),
        own_(gallery),
        counter_examples_(gallery, Role::CounterExample) {}

  void begin() const {
    if (!options_.json) {
      const std::string threshold = gallery_.threshold() ? "threshold " + Json(*gallery_.threshold()).dump()
                                                         : "no threshold of its own";
      print("%s: %zu people, %s, %s\n", options_.gallery.c_str(), gallery_.names().size(),
            counted(gallery_.rows(), "row").c_str(), threshold.c_str());
      return;
    }
    const Json head = {{"gallery", options_.gallery},
                       {"metric", embed::to_string(gallery_.metric())},
                       {"threshold", quality_or_null(gallery_.threshold())},
                       {"weights_sha256", gallery_.weights_sha256()},
                       {"rows", gallery_.rows()},
                       {"counter_examples", gallery_.rows(Role::CounterExample)}};
    const std::string text = json_text(head);
    print("%s,\"people\":[", text.substr(0, text.size() - 1).c_str());
  }

  void person(std::int64_t label_id) {
    Summary summary;
    for (const std::size_t r : own_.of(label_id)) summary.add(gallery_.enrolment(r));
    if (options_.json) {
      print("%s%s", first_ ? "" : ",", json_text(json_of(label_id, summary)).c_str());
    } else {
      print_person(label_id, summary);
    }
    first_ = false;
  }

  void end(const Refusals& refusals) const {
    if (options_.json) print("],\"refused\":%s}\n", json_text(refusals.json()).c_str());
  }

 private:
  Json json_of(std::int64_t label_id, const Summary& summary) const {
    Json person = {{"name", gallery_.name(label_id)},
                   {"id", gallery_.person_id(label_id)},
                   {"rows", own_.of(label_id).size()},
                   {"counter_examples", counter_examples_.of(label_id).size()},
                   {"worst_quality", quality_or_null(summary.worst)},
                   {"best_quality", quality_or_null(summary.best)},
                   {"first_enrolled", text_or_null(date_text(summary.earliest))},
                   {"last_enrolled", text_or_null(date_text(summary.latest))},
                   {"note", gallery_.note(label_id)}};
    if (!with_rows_) return person;
    Json rows = Json::array();
    for (const Role role : {Role::Own, Role::CounterExample}) {
      for (const std::size_t r : rows_of(label_id, role)) {
        const embed::Enrolment& enrolment = gallery_.enrolment(r, role);
        rows.push_back({{"id", row_id(gallery_, r, role)},
                        {"counter_example", role == Role::CounterExample},
                        {"quality", quality_or_null(enrolment.quality)},
                        {"time", text_or_null(date_text(enrolment.time))},
                        {"source", enrolment.source}});
      }
    }
    person["row_list"] = std::move(rows);
    return person;
  }

  PeopleRows::Rows rows_of(std::int64_t label_id, Role role) const {
    return (role == Role::Own ? own_ : counter_examples_).of(label_id);
  }

  void print_person(std::int64_t label_id, const Summary& summary) const {
    print("  %-32s %s", shown_name(label_id).c_str(), counted(own_.of(label_id).size(), "row").c_str());
    if (const std::size_t count = counter_examples_.of(label_id).size(); count > 0)
      print(", %s", counted(count, "counter-example").c_str());
    if (summary.best) print(", quality %.2f to %.2f", *summary.worst, *summary.best);
    if (summary.latest != 0)
      print(", enrolled %s to %s", date_text(summary.earliest).c_str(), date_text(summary.latest).c_str());
    if (!gallery_.note(label_id).empty()) print(", %s", shown(gallery_.note(label_id)).c_str());
    print("\n");
    if (!with_rows_) return;
    for (const Role role : {Role::Own, Role::CounterExample}) {
      for (const std::size_t r : rows_of(label_id, role)) print_row(r, role);
    }
  }

  void print_row(std::size_t r, Role role) const {
    const embed::Enrolment& enrolment = gallery_.enrolment(r, role);
    print("    %s", row_id(gallery_, r, role).c_str());
    if (enrolment.quality) print("  quality %.2f", *enrolment.quality);
    if (enrolment.time != 0) print("  %s", date_text(enrolment.time).c_str());
    if (!enrolment.source.empty()) print("  %s", shown(enrolment.source).c_str());
    print("%s\n", role == Role::CounterExample ? "  (counter-example)" : "");
  }

  std::string shown_name(std::int64_t label_id) const { return shown(gallery_.name(label_id)); }

  const Gallery& gallery_;
  const ListOptions& options_;
  bool with_rows_, first_ = true;
  PeopleRows own_, counter_examples_;
};

int list(const ListOptions& options) {
  const Gallery gallery = Gallery::load(options.gallery);
  Refusals refusals;
  std::vector<std::int64_t> who;
  if (options.names.empty()) {
    who.resize(gallery.names().size());
    std::iota(who.begin(), who.end(), 0);
  }
  for (const std::string& name : options.names) {
    if (const std::int64_t label_id = find_person(gallery, name, refusals); label_id >= 0)
      who.push_back(label_id);
  }
  Lister lister(gallery, options);
  lister.begin();
  for (const std::int64_t label_id : who) lister.person(label_id);
  lister.end(refusals);
  return refusals.status(who.size());
}

}  // namespace

void add_list(CLI::App& app, Action& action) {
  auto options = std::make_shared<ListOptions>();
  CLI::App* command =
      app.add_subcommand("list", "Says who is in a gallery, and of whom there are which rows");
  add_gallery(*command, options->gallery);
  command->add_option("names", options->names, "These people alone, with their rows")->type_name("NAME ...");
  command->add_flag("--rows", options->rows, "With the rows of everybody");
  add_json(*command, options->json);
  command->footer(
      "A row is what one picture of a face has become. Its id, twelve digits and letters, is what `remove "
      "--row`\n"
      "and `move --row` take; it stays when other rows come and go.\n\n"
      "Examples:\n"
      "  triplet-gallery list people.safetensors\n"
      "  triplet-gallery list people.safetensors \"Ada Lovelace\" --json");
  command->callback([options, &action] { action = [options] { return list(*options); }; });
}

}  // namespace gallery_tool
