// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "embed/gallery.h"
#include "enrolment/row_id.h"
#include "gallery/output.h"

namespace gallery_tool {

/// The numbers of each person's rows, in the order of the gallery. A value type.
class PeopleRows {
 public:
  /// The gallery is not kept.
  explicit PeopleRows(const embed::Gallery& gallery, embed::Role role = embed::Role::Own);

  struct Rows {
    const std::size_t* first;
    const std::size_t* last;
    const std::size_t* begin() const noexcept { return first; }
    const std::size_t* end() const noexcept { return last; }
    std::size_t size() const noexcept { return static_cast<std::size_t>(last - first); }
    std::size_t operator[](std::size_t i) const noexcept { return first[i]; }
  };
  /// Of a person who is there; valid as long as this object.
  Rows of(std::int64_t label_id) const noexcept;

 private:
  std::vector<std::size_t> starts_;  // [people + 1]: where each person's rows begin in rows_.
  std::vector<std::size_t> rows_;
};

using enrolment::row_id;

/// The label id of that name. Refuses a name that nobody has, or that is none: −1 then.
std::int64_t find_person(const embed::Gallery& gallery, const std::string& name, Refusals& refusals);

/// The own rows of that person that these ids name, ascending. Refuses ids that none of them has.
std::vector<std::size_t> find_rows(const embed::Gallery& gallery, std::int64_t label_id,
                                   const std::vector<std::string>& ids, Refusals& refusals);

}  // namespace gallery_tool
