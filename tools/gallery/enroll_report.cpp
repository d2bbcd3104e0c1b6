// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gallery/enroll_report.h"

#include <algorithm>

#include "command_line/console.h"

namespace gallery_tool {

namespace {

using command_line::print;
using command_line::print_error;
using enrolment::Change;
using enrolment::Doubt;

const char* kind_of(const Change& change) {
  return change.candidate->of_clip ? "frames" : "images";
}

Json place(const embed::Gallery& gallery, std::size_t row) {
  return {{"name", gallery.name(gallery.identity(row))}, {"source", gallery.enrolment(row).source}};
}

}  // namespace

void EnrollReport::refused(const enrolment::Refused& what) {
  print_error("triplet-gallery: %s: refused: %s\n", what.input.c_str(), what.why.c_str());
  refused_.push_back(what);
}

void EnrollReport::note(const std::string& text) {
  print_error("%s\n", text.c_str());
}

void EnrollReport::doubt(const embed::Gallery& gallery, const Doubt& doubt, bool strict) {
  const std::string text = enrolment::doubt_text(gallery, doubt);
  const char* const kind = doubt.kind == Doubt::Kind::FarFromOwn ? "far-from-own" : "near-another";
  doubts_.push_back({{"kind", kind},
                     {"row", place(gallery, doubt.row)},
                     {"other", place(gallery, doubt.other)},
                     {"distance", doubt.distance},
                     {"limit", doubt.limit},
                     {"refused", strict}});
  if (strict) {
    refused({gallery.enrolment(doubt.row).source, kind, text + " (--strict)"});
  } else {
    note("doubtful: " + text);
  }
}

void EnrollReport::done(const enrolment::Applied& applied, const embed::Gallery& gallery) {
  changes_ = applied.changes;
  rows_ = gallery.rows();
  people_ = gallery.names().size();
}

void EnrollReport::take_back(const std::string& name) {
  for (Change& change : changes_)
    if (change.name == name && change.added > 0) --change.added;
}

bool EnrollReport::anything_done() const {
  return std::any_of(changes_.begin(), changes_.end(), [](const Change& change) {
    return change.added > 0 || change.removed > 0 || change.kept > 0;
  });
}

bool EnrollReport::anything_changed() const {
  return std::any_of(changes_.begin(), changes_.end(),
                     [](const Change& change) { return change.added > 0 || change.removed > 0; });
}

void EnrollReport::print_table(const std::string& gallery) const {
  for (const Change& change : changes_) {
    print("%s: ", change.name.c_str());
    if (change.candidate != nullptr) {
      print("%zu faces in %zu %s, %zu enrolled", change.candidate->faces, change.candidate->looked_at,
            kind_of(change), change.added);
      if (change.removed > 0) print(", ");
    }
    if (change.removed > 0) print("%zu removed", change.removed);
    print("%s\n", change.gone ? ", and is forgotten" : "");
  }
  print("%s: %zu embeddings of %zu identities\n", gallery.c_str(), rows_, people_);
}

Json EnrollReport::json(const std::string& gallery, const enrolment::PeopleFolder& folder) const {
  Json people = Json::array(), refused = Json::array();
  for (const Change& change : changes_) {
    Json one = {{"name", change.name},
                {"added", change.added},
                {"removed", change.removed},
                {"kept", change.kept},
                {"gone", change.gone}};
    if (change.candidate != nullptr) {
      one[kind_of(change)] = change.candidate->looked_at;
      one["faces"] = change.candidate->faces;
    }
    people.push_back(std::move(one));
  }
  for (const enrolment::Refused& one : refused_)
    refused.push_back({{"input", one.input}, {"reason", one.reason}, {"why", one.why}});
  return {{"gallery", gallery},
          {"rows", rows_},
          {"people", people_},
          {"changes", std::move(people)},
          {"doubts", doubts_},
          {"refused", std::move(refused)},
          {"not_looked_at", folder.others},
          {"left_behind", folder.left_behind}};
}

}  // namespace gallery_tool
