// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "embed/gallery.h"

namespace enrolment {

/// A row of which it is doubtful that it is its person's.
struct Doubt {
  enum class Kind {
    FarFromOwn,   ///< Beyond `apart` from the person's nearest other row and from the mean of the others.
    NearAnother,  ///< Within the threshold of another person's row or mean.
  };
  Kind kind = Kind::FarFromOwn;
  std::size_t row = 0;
  std::size_t other = 0;  ///< The nearest other row of the same person, or the nearest row of the other one.
  float distance = 0;     ///< To the other rows or to the other person.
  float limit = 0;        ///< What it was compared with.
};

/// Looks at some rows of a gallery whose means have been built: the worst doubts first, and none that is
/// explained by a row before it (a picture in the wrong person's folder makes that person's other pictures
/// near to nobody else). Of a person with two rows that are far from each other, the later one is doubtful.
/// Each row is compared with its person's own rows and searched for in the gallery once.
std::vector<Doubt> find_doubts(const embed::Gallery& gallery, const std::vector<std::size_t>& rows,
                               float threshold, float apart);

/// A doubt in words, with both names and both sources.
std::string doubt_text(const embed::Gallery& gallery, const Doubt& doubt);

}  // namespace enrolment
