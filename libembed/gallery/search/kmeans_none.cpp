// SPDX-License-Identifier: LGPL-2.1-or-later
// In builds without FAISS.
#include "embed/error.h"
#include "gallery/search/kmeans.h"

namespace embed {

bool have_kmeans() noexcept {
  return false;
}

GalleryRows train_centroids(const std::vector<float>&, std::size_t, bool) {
  throw Error(ErrorCode::Unsupported, "this build has no FAISS");
}

std::vector<float> principal_directions(const std::vector<float>&) {
  throw Error(ErrorCode::Unsupported, "this build has no FAISS");
}

}  // namespace embed
