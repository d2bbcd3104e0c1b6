// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gallery/search/index.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <random>

#include "base/worker_pool.h"
#include "gallery/search/kmeans.h"
#include "gallery/search/measuring_scan.h"
#include "gallery/search/nearest_centroids.h"
#include "gallery/search/scan.h"

namespace embed {

namespace {

constexpr std::size_t kRowsPerList = 128;
constexpr std::size_t kPointsPerCentroid = 40;
constexpr std::size_t kRowsAtOnce = 2048;
// From which the directions of most spread are learned.
constexpr std::size_t kDirectionPoints = 16'384;
// Rows that are looked for to find out how many lists it takes, and the share that must be found.
constexpr std::size_t kTrials = 2000;
constexpr double kFound = 0.995;

/// Lists are around directions where the metric compares directions.
Metric list_metric(Metric metric) {
  return metric == Metric::Cosine ? Metric::Cosine : Metric::L2;
}

/// A multiple of 16: all centroids then have bytes.
std::size_t lists_for(std::size_t rows) {
  const double most = 8 * std::sqrt(static_cast<double>(rows));
  const std::size_t lists = std::min(rows / kRowsPerList, static_cast<std::size_t>(most));
  return std::max<std::size_t>(lists / kPanelRows, 1) * kPanelRows;
}

/// Different rows, in their order; seeded.
std::vector<std::size_t> some_rows(std::size_t rows, std::size_t count) {
  std::mt19937_64 generator(1);
  std::vector<std::size_t> chosen;
  for (std::size_t r = 0; r < rows && chosen.size() < count; ++r) {
    if (generator() % (rows - r) < count - chosen.size()) chosen.push_back(r);
  }
  return chosen;
}

/// The points from which centroids are learned.
std::vector<float> sample(const GalleryRows& rows, std::size_t count, bool unit_length) {
  std::vector<float> points;
  points.reserve(count * kEmbeddingDim);
  for (const std::size_t r : some_rows(rows.size(), count)) {
    const float length = unit_length && rows.norm(r) > 0 ? rows.norm(r) : 1.0F;
    for (std::size_t i = 0; i < kEmbeddingDim; ++i) points.push_back(rows.row(r)[i] / length);
  }
  return points;
}

Embedding embedding_of(const GalleryRows& rows, std::size_t r) {
  Embedding values{};
  std::copy_n(rows.row(r), values.size(), values.begin());
  return values;
}

}  // namespace

GalleryIndex::GalleryIndex(const GalleryRows& rows, Metric metric) : metric_(metric) {
  const bool spherical = list_metric(metric) == Metric::Cosine;
  const std::size_t lists = lists_for(rows.size());
  centroids_ = train_centroids(sample(rows, lists * kPointsPerCentroid, spherical), lists, spherical);
  // A rotation keeps angles and lengths, but no sums of absolute differences.
  if (metric != Metric::L1) leading_ = LeadingValues(sample(rows, kDirectionPoints, spherical));
  const std::vector<std::uint32_t> list_of = assign(rows);
  fill_lists(rows, list_of);
  for (std::size_t r = 0; r < rows.size() && !several_; ++r) several_ = rows.identity(r) != rows.identity(0);
  probes_ = measure_probes(rows, list_of);
}

GalleryIndex::~GalleryIndex() = default;

std::vector<std::uint32_t> GalleryIndex::assign(const GalleryRows& rows) const {
  std::vector<std::uint32_t> list_of(rows.size());
  std::vector<Embedding> some;
  for (std::size_t first = 0; first < rows.size(); first += kRowsAtOnce) {
    some.resize(std::min(kRowsAtOnce, rows.size() - first));
    for (std::size_t i = 0; i < some.size(); ++i) some[i] = embedding_of(rows, first + i);
    std::vector<NearestRows> nearest(some.size(), NearestRows(1));
    scan_rows(centroids_, list_metric(metric_), some.data(), some.size(), nearest.data());
    for (std::size_t i = 0; i < some.size(); ++i) {
      list_of[first + i] =
          static_cast<std::uint32_t>(std::max<std::int64_t>(nearest[i].nearest_identity(), 0));
    }
  }
  return list_of;
}

void GalleryIndex::fill_lists(const GalleryRows& rows, const std::vector<std::uint32_t>& list_of) {
  std::vector<std::vector<std::uint32_t>> members(lists());
  for (std::size_t r = 0; r < list_of.size(); ++r)
    members[list_of[r]].push_back(static_cast<std::uint32_t>(r));
  std::size_t panels = 0;
  lists_.resize(lists());
  for (std::size_t l = 0; l < lists(); ++l) {
    lists_[l].first_panel = panels;
    lists_[l].panels = (members[l].size() + kPanelRows - 1) / kPanelRows;
    panels += lists_[l].panels;
  }
  const std::size_t bytes = panels * leading_.count() * kPanelRows;
  codes_ = std::make_unique<AlignedArray<std::uint8_t>>(bytes);
  // Places without a row are no number's and are never nearer than a row.
  std::fill_n(codes_->data(), bytes, std::uint8_t{128});
  slack_.assign(panels * kPanelRows, -std::numeric_limits<float>::infinity());
  if (scan_kind(metric_) != ScanKind::L1) other_.assign(panels * kPanelRows, 0.0F);
  numbers_.assign(panels * kPanelRows, MeasuringScan::kNoRow);
  for (std::size_t l = 0; l < lists(); ++l) fill_list(rows, lists_[l], members[l]);
}

void GalleryIndex::fill_list(const GalleryRows& rows, List& list, const std::vector<std::uint32_t>& members) {
  std::vector<Embedding> first(members.size());
  std::vector<const float*> values;
  for (std::size_t m = 0; m < members.size(); ++m) {
    const float rest = leading_.take(rows.row(members[m]), first[m].data());
    values.push_back(first[m].data());
    // A huge row: it is always measured, whatever its codes.
    if (!std::isfinite(rest)) {
      first[m] = {};
      continue;
    }
    const float norm = rows.norm(members[m]);
    const float share = norm > 0 ? std::min(rest / norm, 1.0F) : 1.0F;
    list.largest_rest = std::max(list.largest_rest, metric_ == Metric::Cosine ? share : rest);
  }
  list.code_scale = code_scale_for(values.data(), values.size());
  const std::size_t steps = leading_.count() / kPanelStep;
  for (std::size_t m = 0; m < members.size(); ++m) {
    const std::size_t place = list.first_panel * kPanelRows + m;
    std::uint8_t* panel = codes_->data() + place / kPanelRows * steps * kPanelStepBytes;
    const float norm = rows.norm(members[m]);
    const RowTerms terms =
        encode_in_panel(values[m], norm, list.code_scale, place % kPanelRows, steps, panel);
    numbers_[place] = members[m];
    switch (scan_kind(metric_)) {
      case ScanKind::Cosine:
        slack_[place] = terms.cosine_slack;
        other_[place] = terms.inverse_norm;
        break;
      case ScanKind::L2:
        slack_[place] = terms.l2_slack;
        other_[place] = terms.half_square;
        break;
      case ScanKind::L1:
        slack_[place] = terms.l1_slack;
        break;
    }
    if (!terms.huge) list.largest_norm = std::max(list.largest_norm, norm * (1 + 1e-5F));
  }
}

CodedRows GalleryIndex::coded(const List& list) const noexcept {
  const std::size_t place = list.first_panel * kPanelRows;
  const float* other = other_.empty() ? nullptr : other_.data() + place;
  const bool cosine = scan_kind(metric_) == ScanKind::Cosine;
  const CodePanels panels = {codes_->data() + place * leading_.count(),
                             list.panels,
                             cosine ? other : nullptr,
                             slack_.data() + place,
                             cosine ? nullptr : other,
                             leading_.count() / kPanelStep};
  return {panels, list.code_scale, list.largest_norm, list.largest_rest};
}

std::size_t GalleryIndex::measure_probes(const GalleryRows& rows,
                                         const std::vector<std::uint32_t>& list_of) const {
  std::vector<Embedding> trials;
  const std::vector<std::size_t> chosen = some_rows(rows.size(), kTrials);
  for (const std::size_t r : chosen) trials.push_back(embedding_of(rows, r));
  std::vector<NearestRows> nearest(trials.size(), NearestRows(2));
  scan_rows(rows, metric_, trials.data(), trials.size(), nearest.data());
  NearestCentroids centroids(centroids_, list_metric(metric_));
  std::vector<std::size_t> probes;
  for (std::size_t t = 0; t < trials.size(); ++t) {
    std::vector<std::uint32_t> order;
    centroids.find(&trials[t], 1, lists(), &order);
    const std::vector<MeasuredRow> two = nearest[t].nearest();
    const auto other = std::find_if(two.begin(), two.end(),
                                    [&](const MeasuredRow& found) { return found.row != chosen[t]; });
    if (order.empty() || other == two.end()) continue;
    const auto place = std::find(order.begin(), order.end(), list_of[other->row]);
    probes.push_back(static_cast<std::size_t>(place - order.begin()) + 1);
  }
  if (probes.empty()) return lists();
  const auto enough = static_cast<std::size_t>(std::ceil(kFound * static_cast<double>(probes.size()))) - 1;
  std::nth_element(probes.begin(), probes.begin() + static_cast<std::ptrdiff_t>(enough), probes.end());
  return std::min(probes[enough], lists());
}

void GalleryIndex::prefetch(const List& list) const noexcept {
  const std::size_t bytes = list.panels * kPanelRows * leading_.count();
  const std::uint8_t* codes = codes_->data() + list.first_panel * kPanelRows * leading_.count();
  for (std::size_t i = 0; i < bytes; i += 64) __builtin_prefetch(codes + i, 0, 2);
}

void GalleryIndex::search_some(const GalleryRows& rows, const Embedding* queries, std::size_t count,
                               NearestRows* out) const {
  std::vector<std::uint32_t> probes[NearestCentroids::kQueries];
  NearestCentroids(centroids_, list_metric(metric_)).find(queries, count, probes_, probes);
  const ScanVariant variant = scan_variants().front();
  MeasuringScan scan(rows, metric_, variant);
  const float no_limit = std::numeric_limits<float>::infinity();
  for (std::size_t q = 0; q < count; ++q) {
    Embedding first;
    const float rest = leading_.take(queries[q].data(), first.data());
    QueryCodes codes = metric_ == Metric::L1
                           ? QueryCodes(metric_, queries[q].data(), variant.largest_code)
                           : QueryCodes(metric_, queries[q].data(), variant.largest_code, first.data(), rest);
    QueryCodes* const one = &codes;
    NearestRows* const nearest = &out[q];
    for (std::size_t p = 0; codes.usable() && p < probes[q].size(); ++p) {
      if (p + 1 < probes[q].size()) prefetch(lists_[probes[q][p + 1]]);
      const List& list = lists_[probes[q][p]];
      scan.run(coded(list), 0, numbers_.data() + list.first_panel * kPanelRows, &one, &no_limit, &nearest, 1);
    }
    // Lists with too few rows or people for the rule, or a query that bytes cannot stand for.
    if ((several_ ? nearest->limit() : nearest->kin_limit()) == no_limit) {
      *nearest = NearestRows(nearest->k());
      scan_rows(rows, metric_, &queries[q], 1, nearest);
    }
  }
}

void GalleryIndex::search(const GalleryRows& rows, const Embedding* queries, std::size_t count,
                          NearestRows* out) const {
  constexpr std::size_t kGroup = NearestCentroids::kQueries;
  const std::size_t groups = (count + kGroup - 1) / kGroup;
  std::atomic<std::size_t> next{0};
  const auto work = [&](std::size_t) {
    for (std::size_t g = next++; g < groups; g = next++) {
      search_some(rows, queries + g * kGroup, std::min(kGroup, count - g * kGroup), out + g * kGroup);
    }
  };
  WorkerPool::shared().run(groups, work);
}

}  // namespace embed
