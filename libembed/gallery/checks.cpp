// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gallery/checks.h"

#include <cmath>
#include <cstddef>
#include <limits>

#include "embed/embedding.h"
#include "embed/error.h"

namespace embed {

void check_row(const std::string& name, const float* row) {
  bool finite = true;  // Without a way out of the loop, so that it becomes vector instructions.
  for (std::size_t i = 0; i < kEmbeddingDim; ++i) {
    finite &= std::abs(row[i]) <= std::numeric_limits<float>::max();
  }
  if (finite) return;
  throw Error(ErrorCode::InvalidArgument, "embedding of '" + name + "' has values that are not finite");
}

}  // namespace embed
