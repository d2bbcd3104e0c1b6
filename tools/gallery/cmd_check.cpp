// SPDX-License-Identifier: LGPL-2.1-or-later
// triplet-gallery check: what is wrong with a gallery.
#include <algorithm>
#include <functional>
#include <memory>

#include "command_line/console.h"
#include "embed/safetensors.h"
#include "gallery/check_page.h"
#include "gallery/check_report.h"
#include "gallery/commands.h"
#include "gallery/gallery_file.h"
#include "gallery/personal_file.h"
#include "gallery/threshold.h"

namespace gallery_tool {

namespace {

using command_line::print;
using embed::Gallery;

struct CheckOptions {
  std::string gallery;
  ThresholdOptions threshold;
  std::size_t most = 20;
  std::string html;
  bool json = false;
};

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

void print_leave_one_out(const Json& counts) {
  const auto count = [&](const char* name) { return counts[name].get<std::size_t>(); };
  const std::size_t known = count("rows_of_people_with_others");
  print("\nWhat the threshold does to this gallery, each row left out in turn:\n");
  print_rate("missed, of people with another row", count("missed"), known);
  print_rate("… of these given somebody else's name", count("misnamed"), known);
  print_rate("given a name though their person were not enrolled", count("false_matches"),
             count("rows_as_strangers"));
}

void print_head(const CheckOptions& options, const Json& report) {
  const auto people = report["people"].get<std::size_t>(), rows = report["rows"].get<std::size_t>();
  print("%s: %zu people, %zu rows", options.gallery.c_str(), people, rows);
  if (report["threshold"].is_null()) {
    print("\n");
  } else {
    print(", threshold %.3f, two people apart from %.3f on\n", report["threshold"].get<double>(),
          report["apart"].get<double>());
  }
  const auto compared = report["people_compared"].get<std::size_t>();
  if (compared > 0 && compared < people)
    print("A sample: %zu of %zu people were compared with all others\n", compared, people);
  const auto looked_at = report["rows_compared"].get<std::size_t>();
  if (looked_at < rows)
    print("A sample: %zu of %zu rows were compared with those of other people\n", looked_at, rows);
}

int check(const CheckOptions& options) {
  if (!options.html.empty()) embed::check_writable(options.html);  // Before all the work.
  Gallery gallery = Gallery::load(options.gallery);
  Json report = check_report(gallery, options.threshold, options.most);
  if (!options.html.empty()) write_personal_file(options.html, check_page(options.gallery, gallery, report));
  if (options.json) {
    report["gallery"] = options.gallery;
    print("%s\n", json_text(report).c_str());
    return 0;
  }
  print_head(options, report);
  print_findings(report["findings"]);
  print_leave_one_out(report["leave_one_out"]);
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
  command
      ->add_option("--html", options->html,
                   "Write a page of the findings too, with pictures where `enroll --keep-crops` kept them")
      ->type_name("FILE");
  add_json(*command, options->json);
  command->footer(
      "Findings are hints, and no errors: the exit status is 0 with them too. docs/triplet-gallery.md says "
      "how each\n"
      "is found. Of a large gallery, a sample is compared with all others, and the output says so.\n\n"
      "Examples:\n"
      "  triplet-gallery check people.safetensors\n"
      "  triplet-gallery check people.safetensors --html findings.html\n"
      "  triplet-gallery check people.safetensors --threshold 0.5 --json");
  command->callback([options, &action] { action = [options] { return check(*options); }; });
}

}  // namespace gallery_tool
