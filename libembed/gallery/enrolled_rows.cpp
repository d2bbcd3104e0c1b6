// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gallery/enrolled_rows.h"

#include <utility>

namespace embed {

void EnrolledRows::append(const float* row, std::int64_t identity, const Enrolment& enrolment) {
  enrolments.push_back(enrolment);
  rows.append(row, identity);
}

void EnrolledRows::renumber(const std::vector<std::int64_t>& identities) {
  std::size_t kept = 0;
  for (std::size_t r = 0; r < enrolments.size(); ++r) {
    if (identities[static_cast<std::size_t>(rows.identity(r))] < 0) continue;
    if (kept != r) enrolments[kept] = std::move(enrolments[r]);
    ++kept;
  }
  enrolments.resize(kept);
  rows.renumber(identities);
}

}  // namespace embed
