// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gallery/check_page.h"

#include <cstdio>
#include <functional>
#include <optional>
#include <vector>

#include "enrolment/crops.h"
#include "gallery/html.h"
#include "gallery/people.h"
#include "gallery/pictures.h"

namespace gallery_tool {

namespace {

constexpr const char* kHead = R"(<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<style>
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; overflow-wrap: anywhere; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
ul { list-style: none; padding: 0; } li { border-top: 1px solid #8884; padding: .6rem 0; }
li > p { margin: 0; overflow-wrap: anywhere; } .note { opacity: .75; }
.faces { display: flex; flex-wrap: wrap; gap: .4rem; margin-top: .4rem; }
.faces img { width: 5rem; height: 5rem; object-fit: cover; border-radius: .4rem; }
.gap { width: 1rem; } table { border-collapse: collapse; } td, th { text-align: left; padding: .2rem 1.5rem .2rem 0; }
td:nth-child(n+2) { text-align: right; font-variant-numeric: tabular-nums; }
</style>
)";

/// A person's rows on a page: so many pictures at most.
constexpr std::size_t kMostPictures = 4;

std::string field(const Json& one, const char* name) {
  return html_text(one[name].get<std::string>());
}

std::string number(const Json& value, const char* format) {
  if (value.is_null()) return "none";
  char digits[40];
  std::snprintf(digits, sizeof digits, format, value.get<double>());
  return digits;
}

std::string distance(const Json& one) {
  return ", distance " + number(one["distance"], "%.3f");
}

class Page {
 public:
  Page(const std::string& gallery_file, const embed::Gallery& gallery)
      : file_(gallery_file), gallery_(gallery), rows_(gallery) {}

  std::string of(const Json& report) {
    out_ = kHead;
    out_ += "<title>" + html_text(file_) + "</title></head><body>\n<h1>" + html_text(file_) + "</h1>\n<p>" +
            report["people"].dump() + " people, " + report["rows"].dump() + " rows, threshold " +
            number(report["threshold"], "%.3f") + ", two people apart from " +
            number(report["apart"], "%.3f") + " on.</p>\n";
    sample(report);
    findings(report["findings"]);
    leave_one_out(report["leave_one_out"]);
    out_ += "</body></html>\n";
    return std::move(out_);
  }

 private:
  using Line = std::function<std::string(const Json&)>;
  using Faces = std::function<std::string(const Json&)>;

  void sample(const Json& report) {
    if (report["people_compared"] >= report["people"] && report["rows_compared"] >= report["rows"]) return;
    out_ += "<p class=\"note\">A sample was compared with all others: " + report["people_compared"].dump() +
            " people and " + report["rows_compared"].dump() + " rows.</p>\n";
  }

  void kind(const Json& kind, const char* title, const Line& line, const Faces& faces) {
    const auto count = kind["count"].get<std::size_t>();
    out_ += std::string("<h2>") + title + ": " + std::to_string(count) + "</h2>\n<ul>\n";
    for (const Json& one : kind["first"]) {
      const std::string pictures = faces(one);
      out_ += "<li><p>" + line(one) + "</p>";
      if (!pictures.empty()) out_ += "<div class=\"faces\">" + pictures + "</div>";
      out_ += "</li>\n";
    }
    out_ += "</ul>\n";
    if (const std::size_t shown_ones = kind["first"].size(); count > shown_ones)
      out_ += "<p class=\"note\">… and " + std::to_string(count - shown_ones) + " more (--most)</p>\n";
  }

  void findings(const Json& found) {
    const Faces one_person = [&](const Json& one) { return person(one["name"]); };
    kind(
        found["same_person"], "Two people who may be one",
        [](const Json& one) { return field(one, "name") + " and " + field(one, "other") + distance(one); },
        [&](const Json& one) { return beside(person(one["name"]), person(one["other"])); });
    kind(
        found["two_people"], "Names that may hold two people",
        [](const Json& one) {
          return field(one, "name") + ", " + one["more"].dump() + " and " + one["fewer"].dump() + " rows" +
                 distance(one);
        },
        [&](const Json& one) { return beside(person(one["name"]), rows(one["fewer_rows"])); });
    kind(
        found["far_rows"], "Rows far from their own person",
        [](const Json& one) { return row_text(one) + distance(one); },
        [&](const Json& one) { return beside(row(one["row"]), person(one["name"])); });
    kind(
        found["near_duplicates"], "Near-duplicates",
        [](const Json& one) { return row_text(one) + " and " + field(one, "other") + distance(one); },
        [&](const Json& one) {
          return beside(row(one["row"]),
                        one["other_row"].is_null() ? person(one["other"]) : row(one["other_row"]));
        });
    kind(
        found["few_rows"], "People with fewer than 3 rows",
        [](const Json& one) { return field(one, "name") + ", " + one["rows"].dump(); }, one_person);
    kind(
        found["poor_rows"], "People of whom no row has a quality of 0.5",
        [](const Json& one) { return field(one, "name") + ", best " + number(one["best_quality"], "%.2f"); },
        one_person);
  }

  void leave_one_out(const Json& counts) {
    out_ +=
        "<h2>What the threshold does to this gallery, each row left out in turn</h2>\n<table>\n"
        "<tr><th></th><th>rows</th><th>of</th><th>share</th></tr>\n";
    rate("missed, of people with another row", counts["missed"], counts["rows_of_people_with_others"]);
    rate("… of these given somebody else's name", counts["misnamed"], counts["rows_of_people_with_others"]);
    rate("given a name though their person were not enrolled", counts["false_matches"],
         counts["rows_as_strangers"]);
    out_ += "</table>\n";
  }

  void rate(const char* what, const Json& count, const Json& of) {
    const auto all = of.get<double>();
    out_ += std::string("<tr><td>") + what + "</td><td>" + count.dump() + "</td><td>" + of.dump() +
            "</td><td>" + (all > 0 ? number(Json(100 * count.get<double>() / all), "%.2f %%") : "") +
            "</td></tr>\n";
  }

  static std::string row_text(const Json& one) {
    const std::string source = field(one, "source");
    return field(one, "name") + " " + field(one, "row") + (source.empty() ? "" : " (" + source + ")");
  }

  /// Two groups of pictures, and a gap between them.
  static std::string beside(const std::string& a, const std::string& b) {
    return a.empty() || b.empty() ? a + b : a + "<span class=\"gap\"></span>" + b;
  }

  std::string row(const Json& id) const {
    const std::string base = enrolment::crop_file(file_, id.get<std::string>());
    const std::optional<Picture> picture = read_picture(base);
    if (!picture) return {};
    return "<img alt=\"row " + html_text(id.get<std::string>()) + "\" src=\"" +
           data_uri(picture->type, picture->bytes) + "\">";
  }

  std::string rows(const Json& ids) const {
    std::string pictures;
    for (std::size_t i = 0; i < ids.size() && i < kMostPictures; ++i) pictures += row(ids[i]);
    return pictures;
  }

  std::string person(const Json& name) const {
    const std::int64_t label_id = gallery_.find(name.get<std::string>());
    if (label_id < 0) return {};
    Json ids = Json::array();
    for (const std::size_t r : rows_.of(label_id)) {
      if (ids.size() == kMostPictures) break;
      ids.push_back(row_id(gallery_, r));
    }
    return rows(ids);
  }

  const std::string& file_;
  const embed::Gallery& gallery_;
  PeopleRows rows_;
  std::string out_;
};

}  // namespace

std::string check_page(const std::string& gallery_file, const embed::Gallery& gallery, const Json& report) {
  return Page(gallery_file, gallery).of(report);
}

}  // namespace gallery_tool
