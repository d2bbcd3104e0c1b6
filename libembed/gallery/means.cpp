// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gallery/means.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>
#include <vector>

#include "embed/embedding.h"

namespace embed {

namespace {

// Lengths of 1 as float16 and rounding leave them.
constexpr double kUnitSlack = 1e-3;
// Rows that cancel each other out leave rounding errors, whose direction says nothing.
constexpr double kShortest = 1e-3;

struct Member {
  std::int64_t identity;
  std::size_t row;
};

/// Whether the rows have a mean with a direction, which goes to `out`.
bool mean_of(const GalleryRows& rows, const Member* first, std::size_t count, Embedding& out) {
  double sum[kEmbeddingDim] = {};
  bool unit = true;
  for (std::size_t m = 0; m < count; ++m) {
    const float* row = rows.row(first[m].row);
    for (std::size_t i = 0; i < kEmbeddingDim; ++i) sum[i] += static_cast<double>(row[i]);
    unit = unit && std::abs(static_cast<double>(rows.norm(first[m].row)) - 1) < kUnitSlack;
  }
  auto divisor = static_cast<double>(count);
  if (unit) {
    const double square = std::inner_product(std::begin(sum), std::end(sum), std::begin(sum), 0.0);
    if (std::sqrt(square) < kShortest * divisor) return false;
    divisor = std::sqrt(square);
  }
  std::transform(std::begin(sum), std::end(sum), out.begin(),
                 [&](double value) { return static_cast<float>(value / divisor); });
  return true;
}

}  // namespace

GalleryRows rows_with_means(const GalleryRows& rows) {
  std::vector<Member> members;
  members.reserve(rows.size());
  for (std::size_t r = 0; r < rows.size(); ++r) members.push_back({rows.identity(r), r});
  std::stable_sort(members.begin(), members.end(),
                   [](const Member& a, const Member& b) { return a.identity < b.identity; });
  GalleryRows all(rows);
  Embedding mean;
  for (std::size_t first = 0, end = 0; first < members.size(); first = end) {
    const std::int64_t identity = members[first].identity;
    while (end < members.size() && members[end].identity == identity) ++end;
    if (end - first >= 2 && mean_of(rows, &members[first], end - first, mean)) {
      all.append(mean.data(), identity);
    }
  }
  return all;
}

}  // namespace embed
