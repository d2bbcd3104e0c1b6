// SPDX-License-Identifier: LGPL-2.1-or-later
// An embedding of another length is another type.
#include <array>

#include "embed/embedding.h"

#ifdef COMPILES
constexpr std::size_t kLength = embed::kEmbeddingDim;
#else
constexpr std::size_t kLength = 64;
#endif
float test(const std::array<float, kLength>& a) {
  return embed::distance(embed::Metric::L2, a, a);
}
