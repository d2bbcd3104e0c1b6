// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <vector>

#include "gallery/search/rows.h"

namespace embed {

/// Whether this build has FAISS, which does the clustering.
bool have_kmeans() noexcept;

/// k-means: `count` centroids of `points` [points.size() / 128, 128], at least as many as centroids. With
/// `spherical` they have length 1. Seeded: the same points give the same centroids. Centroid i has identity
/// i. Throws Error(Unsupported) without FAISS, Error(Internal) when FAISS fails. Any thread.
GalleryRows train_centroids(const std::vector<float>& points, std::size_t count, bool spherical);

/// The directions of most spread about 0 of `points` [points.size() / 128, 128]: a rotation [128, 128], the
/// direction with most in the first row. Seeded and Errors as above.
std::vector<float> principal_directions(const std::vector<float>& points);

}  // namespace embed
