// SPDX-License-Identifier: LGPL-2.1-or-later
// A Dataset is a mapping of a file: it moves, it is not copied.
#include <utility>

#include "embed/dataset.h"

#ifdef COMPILES
embed::Dataset test(embed::Dataset& set) {
  return std::move(set);
}
#else
embed::Dataset test(embed::Dataset& set) {
  return set;
}
#endif
