// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>

#include "embed/embedding.h"

namespace embed {

/// Sums over two rows of kEmbeddingDim floats, without any alignment. They add sixteen partial sums in a
/// fixed order, so that the compiler can use vector registers of any width and the result is always the same.
float sum_absolute(const float* a, const float* b) noexcept;
float sum_squared(const float* a, const float* b) noexcept;
float dot(const float* a, const float* b) noexcept;

/// The Euclidean norm of a row, as `row_distance` takes it.
float norm(const float* row) noexcept;

/// The distance of two rows with known norms (only cosine uses them). A value that is not finite becomes
/// +inf. This function defines the distance: every search measures its results with it.
float row_distance(Metric metric, const float* query, float query_norm, const float* row,
                   float row_norm) noexcept;

/// The error of a row that is written as code × scale.
struct CodingLoss {
  float squares;   ///< Σ (value − code × scale)²
  float absolute;  ///< Σ |value − code × scale|
};
/// Writes a row [128] as codes within ±127 into `codes`, [128] bytes of the caller's, each biased by 128.
CodingLoss encode_row(const float* row, float scale, unsigned char* codes) noexcept;

}  // namespace embed
