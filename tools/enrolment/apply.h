// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "embed/gallery.h"
#include "enrolment/collector.h"

namespace enrolment {

enum class Mode {
  Append,   ///< Adds to what the gallery has of a person.
  Replace,  ///< Forgets what it has of them first.
  /// Makes of the rows from a folder what the folder gives now: adds, and takes out the rows of pictures that
  /// are gone or have changed, of people too whose folder is gone. Rows from elsewhere stay.
  Sync,
};

/// What happened to a person.
struct Change {
  std::string name;
  std::size_t added = 0, removed = 0;
  std::size_t kept = 0;                  ///< Faces that were there already.
  bool gone = false;                     ///< The last row was removed, and the person with it.
  const Candidate* candidate = nullptr;  ///< Null for a person whose folder is gone.
};

/// A face and its row.
struct PlacedRow {
  std::size_t row = 0;  ///< Its number in the gallery.
  const FaceRow* face = nullptr;
};

struct Applied {
  std::vector<Change> changes;  ///< Of the candidates in their order, then of those whose folder is gone.
  std::vector<PlacedRow> rows;  ///< That were added.
  std::vector<PlacedRow> kept;  ///< That were there already.
};

/// Puts the candidates' rows into the gallery. A row that the person has already is not added again.
/// `folder`: for Sync. `people` is pointed into. Throws as embed::Gallery::add does.
Applied apply(embed::Gallery& gallery, const std::vector<Candidate>& people, Mode mode,
              const std::string& folder);

}  // namespace enrolment
