// SPDX-License-Identifier: LGPL-2.1-or-later
#include "enrolment/apply.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <utility>

#include "embed/printable.h"

namespace enrolment {

namespace {

namespace fs = std::filesystem;
using Numbers = std::vector<std::size_t>;

/// The rows of everybody, by name.
std::map<std::string, Numbers> rows_by_name(const embed::Gallery& gallery) {
  std::map<std::string, Numbers> rows;
  for (std::size_t r = 0; r < gallery.rows(); ++r) rows[gallery.name(gallery.identity(r))].push_back(r);
  return rows;
}

/// The rows of the names alone that somebody is to be added to.
std::map<std::string, Numbers> rows_of(const embed::Gallery& gallery, const std::vector<Candidate>& people) {
  std::map<std::int64_t, const std::string*> wanted;
  for (const Candidate& one : people) wanted[gallery.find(one.name)] = &one.name;
  std::map<std::string, Numbers> rows;
  for (std::size_t r = 0; r < gallery.rows(); ++r) {
    const auto found = wanted.find(gallery.identity(r));
    if (found != wanted.end()) rows[*found->second].push_back(r);
  }
  return rows;
}

/// Whether sources lie in a folder, however either is spelt.
class Inside {
 public:
  explicit Inside(const std::string& folder) : folder_(whole(embed::printable(folder)) + "/") {}
  bool operator()(const std::string& source) const {
    return !source.empty() && whole(source).rfind(folder_, 0) == 0;
  }

 private:
  static std::string whole(const std::string& path) {
    std::string text = fs::absolute(path).lexically_normal().string();
    while (text.size() > 1 && text.back() == '/') text.pop_back();
    return text;
  }
  std::string folder_;
};

bool equals(const embed::Gallery& gallery, std::size_t row, const embed::Embedding& embedding) {
  return std::equal(embedding.begin(), embedding.end(), gallery.row(row));
}

/// The rows of a folder that it does not give any more.
Numbers stale_rows(const embed::Gallery& gallery, const Numbers& own, const Candidate* candidate,
                   const Inside& inside) {
  Numbers stale;
  for (const std::size_t r : own) {
    const std::string& source = gallery.enrolment(r).source;
    if (!inside(source)) continue;
    if (candidate != nullptr) {
      const std::vector<std::string>& unread = candidate->unread;
      if (std::find(unread.begin(), unread.end(), source) != unread.end()) continue;
      const auto same = [&](const FaceRow& row) { return equals(gallery, r, row.embedding); };
      if (std::any_of(candidate->rows.begin(), candidate->rows.end(), same)) continue;
    }
    stale.push_back(r);
  }
  return stale;
}

Change add_rows(embed::Gallery& gallery, const Candidate& person, const Numbers& own, Applied& applied) {
  Change change;
  change.name = person.name;
  change.candidate = &person;
  const std::size_t before = gallery.rows();
  for (const FaceRow& row : person.rows) {
    Numbers there = own;
    for (std::size_t r = before; r < gallery.rows(); ++r) there.push_back(r);
    const auto found = std::find_if(there.begin(), there.end(),
                                    [&](std::size_t r) { return equals(gallery, r, row.embedding); });
    if (found != there.end()) {
      applied.kept.push_back({*found, &row});
      ++change.kept;
      continue;
    }
    applied.rows.push_back({gallery.rows(), &row});
    gallery.add(person.name, row.embedding, row.enrolment);
    ++change.added;
  }
  return change;
}

void remove_stale(embed::Gallery& gallery, Numbers stale, Applied& applied) {
  std::sort(stale.begin(), stale.end());
  gallery.remove_rows(stale);
  for (std::vector<PlacedRow>* const rows : {&applied.rows, &applied.kept}) {
    for (PlacedRow& row : *rows)
      row.row -=
          static_cast<std::size_t>(std::lower_bound(stale.begin(), stale.end(), row.row) - stale.begin());
  }
  for (Change& change : applied.changes) change.gone = change.removed > 0 && gallery.find(change.name) < 0;
}

}  // namespace

Applied apply(embed::Gallery& gallery, const std::vector<Candidate>& people, Mode mode,
              const std::string& folder) {
  Applied applied;
  if (mode == Mode::Replace) {
    for (const Candidate& person : people)
      if (!person.rows.empty()) gallery.remove(person.name);
  }
  std::map<std::string, Numbers> own = mode == Mode::Sync ? rows_by_name(gallery) : rows_of(gallery, people);
  Numbers stale;
  const Inside inside(folder.empty() ? "." : folder);
  const auto drop = [&](Change& change, const Candidate* candidate) {
    const Numbers rows = stale_rows(gallery, own[change.name], candidate, inside);
    change.removed = rows.size();
    stale.insert(stale.end(), rows.begin(), rows.end());
  };
  for (const Candidate& person : people) {
    Change change = add_rows(gallery, person, own[person.name], applied);
    if (mode == Mode::Sync) drop(change, &person);
    applied.changes.push_back(std::move(change));
  }
  if (mode != Mode::Sync) return applied;
  for (const Candidate& person : people) own.erase(person.name);
  for (const auto& [name, rows] : own) {
    Change change;
    change.name = name;
    drop(change, nullptr);
    if (change.removed > 0) applied.changes.push_back(std::move(change));
  }
  remove_stale(gallery, std::move(stale), applied);
  return applied;
}

}  // namespace enrolment
