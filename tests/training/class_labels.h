// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace training {

/// So many rows of class 0, so many of class 1, …
inline std::vector<std::int64_t> labels_of(const std::vector<std::size_t>& counts) {
  std::vector<std::int64_t> labels;
  for (std::size_t c = 0; c < counts.size(); ++c)
    labels.insert(labels.end(), counts[c], static_cast<std::int64_t>(c));
  return labels;
}

}  // namespace training
