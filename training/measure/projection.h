// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "embed/embedding.h"

namespace training {

/// Embeddings laid out in a plane.
struct Projection {
  std::vector<std::array<float, 2>> points;  ///< [N], in the order of the rows; centred on the origin.
  std::array<double, 2> explained{};         ///< PCA: share of the variance along each axis, 0 to 1.
};

/// The two directions of largest variance (principal components, by Jacobi rotations of the covariance). Each
/// direction's largest component is positive, so that the picture does not flip from run to run. Throws
/// embed::Error(InvalidArgument) for a value that is not finite.
Projection pca(const std::vector<embed::Embedding>& rows);

struct TsneOptions {
  double perplexity = 30;         ///< Neighbours that count; at most a third of the other rows.
  std::size_t iterations = 750;   ///< Of gradient descent.
  std::size_t exaggerated = 250;  ///< The first of them, with all attraction times `exaggeration`.
  double exaggeration = 12;
  std::uint64_t seed = 1;  ///< Of the jitter that parts equal rows.
};

/// t-SNE (van der Maaten & Hinton, Visualizing Data using t-SNE, JMLR 9, 2008) over Euclidean distances,
/// exact: O(N²) time and memory an iteration, on all processors; meant for at most some 1,500 rows. Begins
/// with the PCA, so that the large layout says something too (Kobak & Berens, Nature Communications 10,
/// 2019). A function of its arguments alone, whatever the number of processors. Throws as pca.
Projection tsne(const std::vector<embed::Embedding>& rows, const TsneOptions& options = {});

}  // namespace training
