// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gallery/search/nearest_centroids.h"

#include <algorithm>
#include <functional>
#include <limits>

#include "gallery/search/query_codes.h"

namespace embed {

void NearestCentroids::find(const Embedding* queries, std::size_t count, std::size_t wanted,
                            std::vector<std::uint32_t>* out) {
  const ScanVariant variant = scan_variants().front();
  const ScanKind kind = scan_kind(metric_);
  wanted_ = std::min(wanted, centroids_.size());
  std::vector<QueryCodes> codes;
  codes.reserve(count);
  for (std::size_t q = 0; q < count; ++q) {
    out[q].clear();
    QueryCodes coded(metric_, queries[q].data(), variant.largest_code);
    if (!coded.usable()) continue;
    number_[codes.size()] = q;
    least_[codes.size()] = -std::numeric_limits<float>::infinity();
    scored_[codes.size()].clear();
    scored_[codes.size()].reserve(2 * wanted_);
    codes.push_back(coded);
  }
  for (std::size_t b = 0; b < centroids_.blocks(); ++b) {
    const CodedRows coded = centroids_.block(b).coded_rows(kind);
    first_row_ = b * GalleryBlock::kRows;
    for (std::size_t s = 0; s < codes.size(); ++s) {
      scans_[s] = codes[s].enter(coded, std::numeric_limits<float>::infinity());
      scans_[s].slack_weight = 0;  // What is likely, not what is possible.
      unit_[s] = codes[s].unit();
      scans_[s].bar = least_[s] / unit_[s];
    }
    variant.scan(kind, coded.panels, scans_, codes.size(), *this);
  }
  for (std::size_t s = 0; s < codes.size(); ++s) {
    keep_wanted(s);
    std::sort(scored_[s].begin(), scored_[s].end(), std::greater<>());
    for (const Scored& scored : scored_[s]) out[number_[s]].push_back(scored.second);
  }
}

void NearestCentroids::take(std::size_t query, std::size_t first_row, std::uint32_t hits,
                            const float* score) {
  for (; hits != 0; hits &= hits - 1) {
    const auto i = static_cast<std::size_t>(__builtin_ctz(hits));
    if (!(score[i] >= scans_[query].bar)) continue;  // raised since, or a centroid without a direction
    scored_[query].emplace_back(score[i] * unit_[query],
                                static_cast<std::uint32_t>(first_row_ + first_row + i));
    if (scored_[query].size() == 2 * wanted_) {
      keep_wanted(query);
      scans_[query].bar = least_[query] / unit_[query];
    }
  }
}

void NearestCentroids::keep_wanted(std::size_t query) {
  auto& scored = scored_[query];
  if (scored.size() < wanted_ || scored.empty()) return;
  const auto last = scored.begin() + static_cast<std::ptrdiff_t>(wanted_) - 1;
  std::nth_element(scored.begin(), last, scored.end(), std::greater<>());
  least_[query] = last->first;
  scored.resize(wanted_);
}

}  // namespace embed
