// SPDX-License-Identifier: LGPL-2.1-or-later
// k-means by FAISS, with the rows' bytes in the place of its own search for the nearest centroid, which is
// most of the work.
#include <faiss/Clustering.h>
#include <faiss/Index.h>
#include <faiss/VectorTransform.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <exception>
#include <memory>
#include <vector>

#include "embed/error.h"
#include "gallery/search/kmeans.h"
#include "gallery/search/scan.h"

namespace embed {

namespace {

constexpr int kIterations = 10;
// Points are handed to the scan in pieces, so that it need not keep the codes of all.
constexpr std::size_t kPointsAtOnce = 2048;

class NearestCentroid final : public faiss::Index {
 public:
  NearestCentroid() : faiss::Index(kEmbeddingDim, faiss::METRIC_L2) {}

  void add(std::int64_t count, const float* values) override {
    for (std::int64_t i = 0; i < count; ++i) {
      centroids_->append(values + static_cast<std::size_t>(i) * kEmbeddingDim, ntotal++);
    }
  }

  void reset() override {
    centroids_ = std::make_unique<GalleryRows>();
    ntotal = 0;
  }

  void search(std::int64_t count, const float* points, std::int64_t k, float* distances, std::int64_t* labels,
              const faiss::SearchParameters*) const override {
    if (k != 1) throw Error(ErrorCode::Internal, "one nearest centroid expected");
    std::vector<Embedding> some;
    for (std::size_t first = 0; first < static_cast<std::size_t>(count); first += kPointsAtOnce) {
      some.resize(std::min(kPointsAtOnce, static_cast<std::size_t>(count) - first));
      std::memcpy(some.data(), points + first * kEmbeddingDim, some.size() * sizeof(Embedding));
      std::vector<NearestRows> nearest(some.size(), NearestRows(1));
      scan_rows(*centroids_, Metric::SquaredL2, some.data(), some.size(), nearest.data());
      for (std::size_t i = 0; i < some.size(); ++i) {
        const MeasuredRow& found = nearest[i].first();
        distances[first + i] = found.distance;
        labels[first + i] = std::max<std::int64_t>(found.identity, 0);
      }
    }
  }

  GalleryRows take() { return std::move(*centroids_); }

 private:
  std::unique_ptr<GalleryRows> centroids_ = std::make_unique<GalleryRows>();
};

}  // namespace

bool have_kmeans() noexcept {
  return true;
}

GalleryRows train_centroids(const std::vector<float>& points, std::size_t count, bool spherical) {
  faiss::ClusteringParameters parameters;
  parameters.niter = kIterations;
  parameters.spherical = spherical;
  parameters.seed = 1;
  // FAISS prints a warning when it has fewer points than it likes; the caller has chosen how many there are.
  parameters.min_points_per_centroid = 1;
  parameters.max_points_per_centroid = static_cast<int>(points.size() / kEmbeddingDim / count + 1);
  NearestCentroid centroids;
  try {
    faiss::Clustering clustering(kEmbeddingDim, static_cast<int>(count), parameters);
    clustering.train(static_cast<std::int64_t>(points.size() / kEmbeddingDim), points.data(), centroids);
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw Error(ErrorCode::Internal, std::string("clustering a gallery: ") + error.what());
  }
  return centroids.take();
}

std::vector<float> principal_directions(const std::vector<float>& points) {
  // FAISS takes the mean away first, which is none of points that are there with both signs.
  std::vector<float> both = points;
  both.reserve(2 * points.size());
  for (const float value : points) both.push_back(-value);
  try {
    faiss::PCAMatrix matrix(kEmbeddingDim, kEmbeddingDim);
    matrix.train(static_cast<std::int64_t>(both.size() / kEmbeddingDim), both.data());
    return matrix.A;
  } catch (const std::exception& error) {
    throw Error(ErrorCode::Internal, std::string("directions of a gallery: ") + error.what());
  }
}

}  // namespace embed
