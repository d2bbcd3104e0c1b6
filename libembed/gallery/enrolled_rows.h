// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "embed/gallery.h"
#include "gallery/search/rows.h"

namespace embed {

/// Rows and, in the same order, how each came into the gallery. A value type; const members are thread-safe.
struct EnrolledRows {
  GalleryRows rows;
  std::vector<Enrolment> enrolments;

  void append(const float* row, std::int64_t identity, const Enrolment& enrolment);
  /// As GalleryRows::renumber.
  void renumber(const std::vector<std::int64_t>& identities);
};

}  // namespace embed
