// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "embed/embedding.h"

namespace bench {

/// Rows of a made-up gallery and queries to it, all of length 1.
struct GalleryData {
  std::vector<embed::Embedding> rows;     ///< Those of one person after those of another.
  std::vector<embed::Embedding> queries;  ///< Each one more row of some person.
  std::size_t rows_each = 10;             ///< Rows a person.
};

/// Seeded. `kind`:
///
/// - "faces": people and the rows of one person are Gaussian with the spectra that the default weights have
/// on
///   LFW's test people: 0.50 of the variance between people, in about 12 directions, 0.42 within, in about
///   20, and the mean of all has length 0.28. The directions are no coordinates. This is what a small face
///   network gives: a million such rows lie close to each other.
/// - "identities": people anywhere on the sphere, ten rows each around them, as far from each other as those
///   (median cosine of two rows 0.6).
/// - "uniform": every row anywhere on the sphere, all of them strangers, as the queries are: the hard case,
/// for
///   there is nothing in it that an index could know.
///
/// Exits the program on another kind.
GalleryData make_gallery_data(const std::string& kind, std::size_t rows, std::size_t queries);

}  // namespace bench
