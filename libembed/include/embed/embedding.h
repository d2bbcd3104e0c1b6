// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace embed {

/// Length of an embedding.
inline constexpr std::size_t kEmbeddingDim = 128;

/// What the network makes of one crop: 128 float32 values. Their range follows from the head: (0, 1) for
/// sigmoid, any value for linear, unit length for l2.
using Embedding = std::array<float, kEmbeddingDim>;

/// How far apart two embeddings are. Smaller is nearer for every metric.
enum class Metric {
  L1,         ///< Σ|a−b|; the founding note's nearest-class distance.
  L2,         ///< √Σ(a−b)².
  SquaredL2,  ///< Σ(a−b)²; the distance of the note's triplet loss.
  Cosine,     ///< 1 − a·b / (|a||b|), in [0, 2]; 1 where one of them is zero.
};

/// "l1", "l2", "squared-l2", "cosine".
const char* to_string(Metric metric) noexcept;

/// The inverse of to_string. Throws Error(InvalidArgument) that lists the names.
Metric parse_metric(std::string_view name);

/// Distance between two embeddings, ≥ 0. Any thread.
float distance(Metric metric, const Embedding& a, const Embedding& b) noexcept;

}  // namespace embed
