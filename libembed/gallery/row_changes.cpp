// SPDX-License-Identifier: LGPL-2.1-or-later
// Rows that go, get another owner, or come with their person from another gallery.
#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "embed/error.h"
#include "embed/gallery.h"
#include "embed/person_name.h"
#include "gallery/enrolled_rows.h"

namespace embed {

namespace {

std::string_view bytes_of(const float* row) {
  return {reinterpret_cast<const char*>(row), kEmbeddingDim * sizeof(float)};
}

}  // namespace

void Gallery::regroup(const std::vector<std::size_t>& rows, std::int64_t heir) {
  std::vector<bool> chosen(this->rows());
  for (const std::size_t r : rows) {
    if (r >= chosen.size()) {
      throw Error(ErrorCode::InvalidArgument, "row " + std::to_string(r) + ": a row below " +
                                                  std::to_string(chosen.size()) + " expected");
    }
    chosen[r] = true;
  }
  auto kept = std::make_unique<EnrolledRows>();
  std::vector<std::size_t> left(names_.size());
  for (std::size_t r = 0; r < chosen.size(); ++r) {
    const std::int64_t who = chosen[r] ? heir : identity(r);
    if (who < 0) continue;
    kept->append(row(r), who, enrolment(r));
    ++left[static_cast<std::size_t>(who)];
  }
  rows_ = std::move(kept);
  drop_prepared();
  for (std::size_t i = left.size(); i-- > 0;) {
    if (left[i] == 0) dissolve(static_cast<std::int64_t>(i), -1);
  }
}

void Gallery::remove_rows(const std::vector<std::size_t>& rows) {
  regroup(rows, -1);
}

void Gallery::move_rows(const std::vector<std::size_t>& rows, const std::string& into) {
  regroup(rows, known(person_name(into)));
}

void Gallery::adopt(const Gallery& other, const std::string& person, const std::string& as) {
  const std::int64_t from = other.known(person_name(person));
  const std::string name = person_name(as);
  if (other.metric_ != metric_)
    throw Error(ErrorCode::Mismatch, "the two galleries measure distances in different metrics");
  if (other.weights_sha256_ != weights_sha256_)
    throw Error(ErrorCode::Mismatch, "the two galleries were made with different weights");
  const PersonId& id = other.person_ids_[static_cast<std::size_t>(from)];
  const auto same = std::find(person_ids_.begin(), person_ids_.end(), id);
  const auto holder = static_cast<std::size_t>(same - person_ids_.begin());
  if (same != person_ids_.end() && names_[holder] != name) {
    throw Error(ErrorCode::InvalidArgument,
                "'" + other.name(from) + "' is there already, as '" + names_[holder] + "'");
  }
  const std::int64_t heir = add_name(name, id);
  if (note(heir).empty()) notes_[static_cast<std::size_t>(heir)] = other.note(from);
  for (const Role role : {Role::Own, Role::CounterExample}) {
    std::set<std::string, std::less<>> there;
    for (std::size_t r = 0; r < rows(role); ++r) {
      if (identity(r, role) == heir) there.emplace(bytes_of(row(r, role)));
    }
    for (std::size_t r = 0; r < other.rows(role); ++r) {
      if (other.identity(r, role) != from || there.count(bytes_of(other.row(r, role))) != 0) continue;
      append(heir, other.row(r, role), other.enrolment(r, role), role);
    }
  }
}

}  // namespace embed
