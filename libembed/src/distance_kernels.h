// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>

#include "embed/embedding.h"

namespace embed {

/// Sums over two rows of kEmbeddingDim floats. Sixteen partial sums in a fixed order: the compiler can use
/// vector registers of any width, and the result is the same whichever it uses. No alignment needed.
float sum_absolute(const float* a, const float* b) noexcept;
float sum_squared(const float* a, const float* b) noexcept;
float dot(const float* a, const float* b) noexcept;

/// The distance of one query to `count` rows, [count, 128] → `out` [count]. Values that are not finite become
/// +inf.
void distances(Metric metric, const float* query, const float* rows, std::size_t count, float* out) noexcept;

}  // namespace embed
