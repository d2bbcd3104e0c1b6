// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gallery/search/leading_values.h"

#include <algorithm>
#include <cmath>

#include "base/distance_kernels.h"
#include "gallery/search/code_scan.h"
#include "gallery/search/kmeans.h"

namespace embed {

namespace {

constexpr double kRest = 0.03;
// More than that is not worth a rotation.
constexpr std::size_t kMost = kEmbeddingDim / 2;

}  // namespace

LeadingValues::LeadingValues(const std::vector<float>& points) {
  const std::vector<float> directions = principal_directions(points);
  double squares[kEmbeddingDim] = {};
  double all = 0;
  for (std::size_t p = 0; p < points.size(); p += kEmbeddingDim) {
    for (std::size_t i = 0; i < kEmbeddingDim; ++i) {
      const double value = dot(points.data() + p, directions.data() + i * kEmbeddingDim);
      squares[i] += value * value;
      all += value * value;
    }
  }
  double rest = all;
  std::size_t count = 0;
  while (count < kEmbeddingDim && (rest > kRest * all || count % kPanelStep != 0)) rest -= squares[count++];
  if (count == 0 || count > kMost) return;
  count_ = count;
  directions_.assign(directions.begin(),
                     directions.begin() + static_cast<std::ptrdiff_t>(count * kEmbeddingDim));
}

float LeadingValues::take(const float* values, float* first) const noexcept {
  if (directions_.empty()) {
    std::copy_n(values, kEmbeddingDim, first);
    return 0;
  }
  std::fill_n(first, kEmbeddingDim, 0.0F);
  for (std::size_t i = 0; i < count_; ++i) first[i] = dot(values, directions_.data() + i * kEmbeddingDim);
  const float squares = dot(values, values);
  // Room for what the difference of two sums rounds.
  return std::sqrt(std::max(squares - dot(first, first), 0.0F) + 1e-5F * squares);
}

}  // namespace embed
