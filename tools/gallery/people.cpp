// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gallery/people.h"

#include <algorithm>
#include <set>

#include "embed/error.h"

namespace gallery_tool {

PeopleRows::PeopleRows(const embed::Gallery& gallery, embed::Role role)
    : starts_(gallery.names().size() + 1), rows_(gallery.rows(role)) {
  for (std::size_t r = 0; r < rows_.size(); ++r)
    ++starts_[static_cast<std::size_t>(gallery.identity(r, role)) + 1];
  for (std::size_t i = 1; i < starts_.size(); ++i) starts_[i] += starts_[i - 1];
  std::vector<std::size_t> next = starts_;
  for (std::size_t r = 0; r < rows_.size(); ++r)
    rows_[next[static_cast<std::size_t>(gallery.identity(r, role))]++] = r;
}

PeopleRows::Rows PeopleRows::of(std::int64_t label_id) const noexcept {
  const auto i = static_cast<std::size_t>(label_id);
  return {rows_.data() + starts_[i], rows_.data() + starts_[i + 1]};
}

std::int64_t find_person(const embed::Gallery& gallery, const std::string& name, Refusals& refusals) {
  try {
    const std::int64_t label_id = gallery.find(name);
    if (label_id < 0) refusals.add(name, "nobody in the gallery is called so");
    return label_id;
  } catch (const embed::Error& error) {
    if (error.code() != embed::ErrorCode::InvalidArgument) throw;
    refusals.add(name, error.what());
    return -1;
  }
}

std::vector<std::size_t> find_rows(const embed::Gallery& gallery, std::int64_t label_id,
                                   const std::vector<std::string>& ids, Refusals& refusals) {
  const std::set<std::string> wanted(ids.begin(), ids.end());
  std::set<std::string> missing = wanted;
  std::vector<std::size_t> found;
  for (std::size_t r = 0; r < gallery.rows(); ++r) {
    if (gallery.identity(r) != label_id) continue;
    const std::string id = row_id(gallery, r);
    if (wanted.count(id) == 0) continue;
    found.push_back(r);
    missing.erase(id);
  }
  for (const std::string& id : missing)
    refusals.add(id, "no row of '" + shown(gallery.name(label_id)) + "' has that id");
  return found;
}

}  // namespace gallery_tool
