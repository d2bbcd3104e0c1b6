// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "embed/gallery.h"
#include "gallery/people.h"

namespace gallery_tool {

/// A row that lies as far as another person's from all that there is of its own person: beyond
/// apart_distance().
struct FarRow {
  std::size_t row = 0;
  float distance = 0;  ///< To the person's nearest other row or the mean of them.
};

/// Two rows that are as near as two copies of one picture.
struct Duplicate {
  std::size_t row = 0;
  std::int64_t other_person = -1;  ///< Whose the other row is; may be the same person.
  std::size_t other = 0;           ///< That row, where it is of the same person.
  float distance = 0;
};

/// What becomes of each row when the gallery is asked who it is without it.
struct LeaveOneOut {
  std::size_t known = 0;          ///< Rows looked at of people who have another row.
  std::size_t missed = 0;         ///< Of these: not given their person's name …
  std::size_t misnamed = 0;       ///< … but somebody else's.
  std::size_t strangers = 0;      ///< Rows looked at, as if their person were not enrolled.
  std::size_t false_matches = 0;  ///< Of these: given somebody's name.
  std::size_t of = 0;  ///< Rows of the gallery; more than `strangers` where a sample was looked at.
};

struct RowFindings {
  std::vector<FarRow> far;            ///< The farthest first.
  std::vector<Duplicate> duplicates;  ///< The nearest first.
  LeaveOneOut leave_one_out;
};

/// Looks at every row beside those of its own person (256 of them, spread evenly, where there are more), and
/// at a sample of the rows, spread evenly, beside all others: as many as make 4·10⁹ comparisons. `gallery`:
/// with means.
/// `apart`: what apart_distance() says.
RowFindings check_rows(const embed::Gallery& gallery, const PeopleRows& people, float threshold, float apart);

/// The distance below which one in a hundred pairs of rows of two people of this gallery lies, of 20,000
/// pairs drawn at random; the threshold where that is more, or where there are no two people. What lies
/// beyond it is rather two people's than one's, while the threshold alone is too strict in a large gallery.
float apart_distance(const embed::Gallery& gallery, float threshold);

/// Row r as a value.
embed::Embedding row_of(const embed::Gallery& gallery, std::size_t r);

/// The mean of those rows, one at least; for the cosine that of the rows scaled to length 1.
embed::Embedding mean_of(const embed::Gallery& gallery, const std::vector<std::size_t>& rows);

/// How many of `of` things may be compared with `vectors` vectors each.
std::size_t sample_size(std::size_t of, std::size_t vectors);

}  // namespace gallery_tool
