// SPDX-License-Identifier: LGPL-2.1-or-later
#include "measure/projection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/rng.h"
#include "error_code.h"

namespace training {
namespace {

using embed::Embedding;
using embed::kEmbeddingDim;

double apart(const std::array<float, 2>& a, const std::array<float, 2>& b) {
  return std::hypot(a[0] - b[0], a[1] - b[1]);
}

/// Two orthogonal directions of unit length that lie along no axis.
std::array<std::array<double, kEmbeddingDim>, 2> plane() {
  std::array<std::array<double, kEmbeddingDim>, 2> directions{};
  const double length = std::sqrt(static_cast<double>(kEmbeddingDim));
  for (std::size_t d = 0; d < kEmbeddingDim; ++d) {
    directions[0][d] = (d % 3 == 0 ? -1 : 1) / length;
    directions[1][d] = (d % 2 == 0 ? 1 : -1) / length;
  }
  double along = 0;
  for (std::size_t d = 0; d < kEmbeddingDim; ++d) along += directions[0][d] * directions[1][d];
  double squares = 0;
  for (std::size_t d = 0; d < kEmbeddingDim; ++d) {
    directions[1][d] -= along * directions[0][d];
    squares += directions[1][d] * directions[1][d];
  }
  for (double& value : directions[1]) value /= std::sqrt(squares);
  return directions;
}

TEST(Pca, FindsAKnownPlane) {
  const auto directions = plane();
  Rng random(3);
  std::vector<Embedding> rows;
  std::vector<std::array<double, 2>> places;
  for (int i = 0; i < 200; ++i) {
    const double a = 3 * random.normal(), b = random.normal();
    Embedding row{};
    for (std::size_t d = 0; d < kEmbeddingDim; ++d)
      row[d] = static_cast<float>(5 + a * directions[0][d] + b * directions[1][d]);
    rows.push_back(row);
    places.push_back({a, b});
  }
  const Projection found = pca(rows);
  EXPECT_NEAR(found.explained[0] + found.explained[1], 1, 1e-6) << "there is nothing beside the plane";
  EXPECT_NEAR(found.explained[0], 0.9, 0.03);
  for (std::size_t i = 1; i < rows.size(); ++i) {
    const double before = std::hypot(places[i][0] - places[0][0], places[i][1] - places[0][1]);
    EXPECT_NEAR(apart(found.points[i], found.points[0]), before, 1e-3) << i;
  }
}

/// `each` rows around each of `clusters` far places.
std::vector<Embedding> clustered(std::size_t clusters, std::size_t each) {
  Rng random(7);
  std::vector<Embedding> rows;
  for (std::size_t i = 0; i < clusters * each; ++i) {
    Embedding row{};
    for (float& value : row) value = static_cast<float>(0.06 * random.normal());
    row[i / each] += 1;
    rows.push_back(row);
  }
  return rows;
}

/// Share of points whose nearest other point is of their cluster.
double pure(const Projection& found, std::size_t each) {
  std::size_t right = 0;
  for (std::size_t i = 0; i < found.points.size(); ++i) {
    std::size_t nearest = i == 0 ? 1 : 0;
    for (std::size_t j = 0; j < found.points.size(); ++j) {
      if (j != i && apart(found.points[i], found.points[j]) < apart(found.points[i], found.points[nearest]))
        nearest = j;
    }
    right += nearest / each == i / each ? 1 : 0;
  }
  return static_cast<double>(right) / static_cast<double>(found.points.size());
}

TEST(Tsne, KeepsClustersApart) {
  // More clusters than a plane has room for as principal components.
  const std::vector<Embedding> rows = clustered(24, 16);
  EXPECT_LT(pure(pca(rows), 16), 0.95) << "too easy: PCA does it";
  EXPECT_GE(pure(tsne(rows), 16), 0.95);
}

TEST(Tsne, IsAFunctionOfItsSeed) {
  const std::vector<Embedding> rows = clustered(3, 80);  // Enough for threads.
  TsneOptions options;
  options.iterations = 60;
  const Projection once = tsne(rows, options), again = tsne(rows, options);
  EXPECT_EQ(once.points, again.points);
  options.seed = 2;
  EXPECT_NE(tsne(rows, options).points, once.points);
}

TEST(Tsne, TakesFewerPointsThanThePerplexity) {
  for (const std::size_t count : {0U, 1U, 2U, 3U, 4U, 12U}) {
    std::vector<Embedding> rows = clustered(1, count);
    const Projection found = tsne(rows);
    ASSERT_EQ(found.points.size(), count);
    for (const auto& point : found.points) EXPECT_TRUE(std::isfinite(point[0]) && std::isfinite(point[1]));
  }
  const Projection same = tsne(std::vector<Embedding>(9, Embedding{}));
  for (const auto& point : same.points) EXPECT_TRUE(std::isfinite(point[0]) && std::isfinite(point[1]));
}

TEST(Projections, RefuseWhatIsNotFinite) {
  std::vector<Embedding> rows(3, Embedding{});
  rows[1][7] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(code_of([&] { pca(rows); }), embed::ErrorCode::InvalidArgument);
  EXPECT_EQ(code_of([&] { tsne(rows); }), embed::ErrorCode::InvalidArgument);
  TsneOptions options;
  options.perplexity = 0;
  EXPECT_EQ(code_of([&] { tsne({Embedding{}}, options); }), embed::ErrorCode::InvalidArgument);
}

}  // namespace
}  // namespace training
