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

/// The length of a row, as `row_distance` takes it.
float norm(const float* row) noexcept;

/// The distance of two rows, whose norms the caller knows already (only cosine looks at them). A value that
/// is not finite becomes +inf. This is the one definition: whatever is found in another way is measured with
/// it.
float row_distance(Metric metric, const float* query, float query_norm, const float* row,
                   float row_norm) noexcept;

/// What is lost when a row is written as code × scale, codes within ±127. `codes` [128], biased by 128.
struct CodingLoss {
  float squares;   ///< Σ (value − code × scale)²
  float absolute;  ///< Σ |value − code × scale|
};
CodingLoss encode_row(const float* row, float scale, unsigned char* codes) noexcept;

}  // namespace embed
