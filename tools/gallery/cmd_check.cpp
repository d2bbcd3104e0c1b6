// SPDX-License-Identifier: LGPL-2.1-or-later
// triplet-gallery check: what is wrong with a gallery.
#include <algorithm>
#include <functional>
#include <memory>

#include "command_line/console.h"
#include "gallery/check_people.h"
#include "gallery/check_rows.h"
#include "gallery/commands.h"
#include "gallery/gallery_file.h"
#include "gallery/threshold.h"

namespace gallery_tool {

namespace {

using command_line::print;
using embed::Gallery;

struct CheckOptions {
  std::string gallery;
  ThresholdOptions threshold;
  std::size_t most = 20;
  bool json = false;
};

/// All findings as one object, which is printed as it is or as a table.
class Findings {
 public:
  Findings(const Gallery& gallery, std::size_t most) : gallery_(gallery), most_(most) {}

  /// Of a kind of findings how many there are, and the first ones as objects.
  template <typename T, typename Describe>
  Json kind(const std::vector<T>& found, const Describe& describe) const {
    Json first = Json::array();
    for (std::size_t i = 0; i < std::min(most_, found.size()); ++i) first.push_back(describe(found[i]));
    return {{"count", found.size()}, {"first", std::move(first)}};
  }

  Json of(const PeopleFindings& people, const RowFindings& rows) const {
    return {{"same_person", kind(people.same,
                                 [&](const SamePerson& one) {
                                   return Json{{"name", name(one.first)},
                                               {"other", name(one.second)},
                                               {"distance", one.distance}};
                                 })},
            {"two_people", kind(people.two,
                                [&](const TwoPeople& one) {
                                  return Json{{"name", name(one.who)},
                                              {"more", one.more},
                                              {"fewer", one.fewer.size()},
                                              {"distance", one.distance},
                                              {"fewer_rows", first_ids(one.fewer)}};
                                })},
            {"far_rows", kind(rows.far,
                              [&](const FarRow& one) {
                                Json row = row_json(one.row);
                                row["distance"] = one.distance;
                                return row;
                              })},
            {"near_duplicates", kind(rows.duplicates, [&](const Duplicate& one) { return duplicate(one); })},
            {"few_rows", kind(people.few,
                              [&](const Weak& one) {
                                return Json{{"name", name(one.who)}, {"rows", one.rows}};
                              })},
            {"poor_rows", kind(people.poor, [&](const Weak& one) {
               return Json{{"name", name(one.who)}, {"rows", one.rows}, {"best_quality", *one.best_quality}};
             })}};
  }

 private:
  std::string name(std::int64_t label_id) const { return gallery_.name(label_id); }

  Json row_json(std::size_t r) const {
    return {{"name", name(gallery_.identity(r))},
            {"row", row_id(gallery_, r)},
            {"source", gallery_.enrolment(r).source}};
  }

  Json first_ids(const std::vector<std::size_t>& rows) const {
    Json ids = Json::array();
    for (std::size_t i = 0; i < std::min(most_, rows.size()); ++i) ids.push_back(row_id(gallery_, rows[i]));
    return ids;
  }

  Json duplicate(const Duplicate& one) const {
    Json json = row_json(one.row);
    json["distance"] = one.distance;
    json["other"] = name(one.other_person);
    const bool same = one.other_person == gallery_.identity(one.row);
    json["other_row"] = same ? Json(row_id(gallery_, one.other)) : Json(nullptr);
    return json;
  }

  const Gallery& gallery_;
  std::size_t most_;
};

Json share(std::size_t count, std::size_t of) {
  return of > 0 ? Json(static_cast<double>(count) / static_cast<double>(of)) : Json(nullptr);
}

Json leave_one_out_json(const LeaveOneOut& counts) {
  return {{"rows_of_people_with_others", counts.known},
          {"missed", counts.missed},
          {"misnamed", counts.misnamed},
          {"miss_rate", share(counts.missed, counts.known)},
          {"rows_as_strangers", counts.strangers},
          {"false_matches", counts.false_matches},
          {"false_match_rate", share(counts.false_matches, counts.strangers)}};
}

std::string text(const Json& one, const char* field) {
  return shown(one[field].get<std::string>());
}

/// One kind of findings as lines.
void print_kind(const Json& kind, const char* title, const std::function<std::string(const Json&)>& line) {
  const auto count = kind["count"].get<std::size_t>();
  print("\n%s: %zu\n", title, count);
  for (const Json& one : kind["first"]) print("  %s\n", line(one).c_str());
  if (const std::size_t printed = kind["first"].size(); count > printed && printed > 0)
    print("  … and %zu more (--most)\n", count - printed);
}

std::string distance_text(const Json& one) {
  char digits[32];
  std::snprintf(digits, sizeof digits, ", distance %.3f", one["distance"].get<double>());
  return digits;
}

std::string row_text(const Json& one) {
  const std::string source = text(one, "source");
  return text(one, "name") + " " + one["row"].get<std::string>() +
         (source.empty() ? "" : " (" + source + ")");
}

void print_findings(const Json& findings) {
  print_kind(findings["same_person"], "Two people who may be one", [](const Json& one) {
    return text(one, "name") + " and " + text(one, "other") + distance_text(one);
  });
  print_kind(findings["two_people"], "Names that may hold two people", [](const Json& one) {
    std::string rows;
    for (const Json& id : one["fewer_rows"]) rows += (rows.empty() ? ": " : ",") + id.get<std::string>();
    return text(one, "name") + ", " + one["more"].dump() + " and " + one["fewer"].dump() + " rows" +
           distance_text(one) + rows;
  });
  print_kind(findings["far_rows"], "Rows far from their own person",
             [](const Json& one) { return row_text(one) + distance_text(one); });
  print_kind(findings["near_duplicates"], "Near-duplicates", [](const Json& one) {
    const std::string other = one["other_row"].is_null() ? "" : " " + one["other_row"].get<std::string>();
    return row_text(one) + " and " + text(one, "other") + other + distance_text(one);
  });
  print_kind(findings["few_rows"], "People with fewer than 3 rows",
             [](const Json& one) { return text(one, "name") + ", " + one["rows"].dump(); });
  print_kind(findings["poor_rows"], "People of whom no row has a quality of 0.5", [](const Json& one) {
    char quality[32];
    std::snprintf(quality, sizeof quality, ", best %.2f", one["best_quality"].get<double>());
    return text(one, "name") + quality;
  });
}

void print_rate(const char* what, std::size_t count, std::size_t of) {
  print("  %s: %zu of %zu rows", what, count, of);
  if (of > 0) print(" (%.2f %%)", 100.0 * static_cast<double>(count) / static_cast<double>(of));
  print("\n");
}

void print_leave_one_out(const LeaveOneOut& counts) {
  print("\nWhat the threshold does to this gallery, each row left out in turn:\n");
  print_rate("missed, of people with another row", counts.missed, counts.known);
  print_rate("… of these given somebody else's name", counts.misnamed, counts.known);
  print_rate("given a name though their person were not enrolled", counts.false_matches, counts.strangers);
}

int check(const CheckOptions& options) {
  Gallery gallery = Gallery::load(options.gallery);
  gallery.build_means();
  const bool anybody = gallery.rows() > 0;
  const float threshold = anybody ? threshold_of(options.threshold, gallery) : 0;
  const float apart = anybody ? apart_distance(gallery, threshold) : 0;
  const PeopleRows rows(gallery);
  const PeopleFindings people = check_people(gallery, rows, threshold, apart);
  const RowFindings found = anybody ? check_rows(gallery, rows, threshold, apart) : RowFindings();
  const Json findings = Findings(gallery, options.most).of(people, found);
  const LeaveOneOut& counts = found.leave_one_out;
  if (options.json) {
    const Json result = {{"gallery", options.gallery},
                         {"people", gallery.names().size()},
                         {"rows", gallery.rows()},
                         {"threshold", anybody ? Json(threshold) : Json(nullptr)},
                         {"apart", anybody ? Json(apart) : Json(nullptr)},
                         {"people_compared", people.looked_at},
                         {"rows_compared", counts.strangers},
                         {"findings", findings},
                         {"leave_one_out", leave_one_out_json(counts)}};
    print("%s\n", json_text(result).c_str());
    return 0;
  }
  print("%s: %zu people, %zu rows", options.gallery.c_str(), gallery.names().size(), gallery.rows());
  print(anybody ? ", threshold %.3f, two people apart from %.3f on\n" : "\n", double{threshold},
        double{apart});
  if (people.looked_at > 0 && people.looked_at < gallery.names().size())
    print("A sample: %zu of %zu people were compared with all others\n", people.looked_at,
          gallery.names().size());
  if (counts.strangers < counts.of)
    print("A sample: %zu of %zu rows were compared with those of other people\n", counts.strangers,
          counts.of);
  print_findings(findings);
  print_leave_one_out(counts);
  return 0;
}

}  // namespace

void add_check(CLI::App& app, Action& action) {
  auto options = std::make_shared<CheckOptions>();
  CLI::App* command = app.add_subcommand("check", "Finds what is wrong with a gallery; changes nothing");
  add_gallery(*command, options->gallery);
  add_threshold(*command, options->threshold);
  command->add_option("--most", options->most, "Show so many findings of each kind, the worst first")
      ->capture_default_str()
      ->check(CLI::Range(0, 10'000'000));
  add_json(*command, options->json);
  command->footer(
      "Findings are hints, and no errors: the exit status is 0 with them too. docs/triplet-gallery.md says "
      "how each\n"
      "is found. Of a large gallery, a sample is compared with all others, and the output says so.\n\n"
      "Examples:\n"
      "  triplet-gallery check people.safetensors\n"
      "  triplet-gallery check people.safetensors --threshold 0.5 --json");
  command->callback([options, &action] { action = [options] { return check(*options); }; });
}

}  // namespace gallery_tool
