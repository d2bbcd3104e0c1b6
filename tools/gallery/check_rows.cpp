// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gallery/check_rows.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "embed/parallel.h"

namespace gallery_tool {

namespace {

using embed::Embedding;
using embed::Gallery;
using Sum = std::array<double, embed::kEmbeddingDim>;

constexpr std::size_t kMostOthers = 256;
constexpr std::size_t kMostComparisons = 4'000'000'000;
constexpr std::size_t kPairs = 20'000;
constexpr float kNowhere = std::numeric_limits<float>::infinity();

double scale_of(const Gallery& gallery, const float* row) {
  if (gallery.metric() != embed::Metric::Cosine) return 1;
  double square = 0;
  for (std::size_t i = 0; i < embed::kEmbeddingDim; ++i) square += double{row[i]} * double{row[i]};
  return square > 0 ? 1 / std::sqrt(square) : 0;
}

void add_row(const Gallery& gallery, std::size_t r, double sign, Sum& sum) {
  const float* row = gallery.row(r);
  const double scale = sign * scale_of(gallery, row);
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += scale * double{row[i]};
}

/// The mean of `count` rows. Of the cosine's the length does not matter.
Embedding mean_of_sum(const Sum& sum, std::size_t count) {
  Embedding mean{};
  for (std::size_t i = 0; i < sum.size(); ++i)
    mean[i] = static_cast<float>(sum[i] / static_cast<double>(count));
  return mean;
}

/// At most so far apart lie two copies of one picture. Of 60 photographs of LFW and copies of them, scaled to
/// four fifths and compressed anew, 54 pairs lie nearer, and of 540 pairs of two photographs of one person
/// two. For vectors of length 1 the other distances follow from the cosine's; of the L1 there is no such
/// rule, and equal rows alone are told.
float duplicate_distance(embed::Metric metric) {
  constexpr float kCosine = 0.05F;
  switch (metric) {
    case embed::Metric::Cosine:
      return kCosine;
    case embed::Metric::SquaredL2:
      return 2 * kCosine;
    case embed::Metric::L2:
      return std::sqrt(2 * kCosine);
    case embed::Metric::L1:
      break;
  }
  return 0;
}

/// How a row lies to the others of its person.
struct Own {
  float nearest_distance = kNowhere;  // To one of the other rows, …
  std::size_t nearest = 0;            // … which is this.
  float distance = kNowhere;          // To the nearest other row or their mean.
};

Own own_of(const Gallery& gallery, const PeopleRows::Rows& rows, std::size_t at, const Sum& sum) {
  Own own;
  if (rows.size() < 2) return own;
  const Embedding query = row_of(gallery, rows[at]);
  const std::size_t others = rows.size() - 1, looked_at = std::min(others, kMostOthers);
  for (std::size_t i = 0; i < looked_at; ++i) {
    const std::size_t r = rows[(at + 1 + i * others / looked_at) % rows.size()];
    const float distance = embed::distance(gallery.metric(), query, row_of(gallery, r));
    if (distance >= own.nearest_distance) continue;
    own.nearest_distance = distance;
    own.nearest = r;
  }
  own.distance = own.nearest_distance;
  if (others < 2) return own;
  Sum rest = sum;
  add_row(gallery, rows[at], -1, rest);
  own.distance = std::min(own.distance, embed::distance(gallery.metric(), query, mean_of_sum(rest, others)));
  return own;
}

std::vector<Own> all_own(const Gallery& gallery, const PeopleRows& people) {
  std::vector<Own> all(gallery.rows());
  for (std::size_t who = 0; who < gallery.names().size(); ++who) {
    const PeopleRows::Rows rows = people.of(static_cast<std::int64_t>(who));
    if (rows.size() < 2) continue;
    Sum sum{};
    for (const std::size_t r : rows) add_row(gallery, r, 1, sum);
    embed::for_each_block(rows.size(), 64, [&](std::size_t begin, std::size_t end) {
      for (std::size_t at = begin; at < end; ++at) all[rows[at]] = own_of(gallery, rows, at, sum);
    });
  }
  return all;
}

/// The nearest of all others than the row's own person.
struct Other {
  std::int64_t who = -1;
  float distance = kNowhere;
};

Other other_of(const embed::Match& match, std::int64_t own) {
  if (match.nearest_id != own) return {match.nearest_id, match.distance};
  return {match.runner_up_id, match.runner_up_distance};
}

void count(const Own& own, const Other& other, float threshold, LeaveOneOut& counts) {
  const bool false_match = other.distance <= threshold;
  ++counts.strangers;
  if (false_match) ++counts.false_matches;
  if (own.nearest_distance == kNowhere) return;
  ++counts.known;
  const bool misnamed = false_match && other.distance < own.distance;
  if (misnamed || own.distance > threshold) ++counts.missed;
  if (misnamed) ++counts.misnamed;
}

void look_at_others(const Gallery& gallery, const std::vector<Own>& own, float threshold,
                    RowFindings& findings) {
  constexpr std::size_t kAtOnce = 256;
  const std::size_t rows = gallery.rows(), sample = sample_size(rows, gallery.vectors());
  findings.leave_one_out.of = rows;
  std::vector<Embedding> queries;
  std::vector<std::size_t> numbers;
  std::vector<embed::Match> matches(kAtOnce);
  for (std::size_t first = 0; first < sample; first += kAtOnce) {
    queries.clear();
    numbers.clear();
    for (std::size_t i = first; i < std::min(first + kAtOnce, sample); ++i) {
      numbers.push_back(i * rows / sample);
      queries.push_back(row_of(gallery, numbers.back()));
    }
    embed::MatchOptions options;
    options.metric = gallery.metric();
    gallery.match(queries.data(), queries.size(), options, matches.data());
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      const Other other = other_of(matches[i], gallery.identity(numbers[i]));
      count(own[numbers[i]], other, threshold, findings.leave_one_out);
      if (other.distance <= duplicate_distance(gallery.metric()))
        findings.duplicates.push_back({numbers[i], other.who, 0, other.distance});
    }
  }
}

}  // namespace

Embedding row_of(const Gallery& gallery, std::size_t r) {
  Embedding row;
  std::memcpy(row.data(), gallery.row(r), sizeof(row));
  return row;
}

Embedding mean_of(const Gallery& gallery, const std::vector<std::size_t>& rows) {
  Sum sum{};
  for (const std::size_t r : rows) add_row(gallery, r, 1, sum);
  return mean_of_sum(sum, rows.size());
}

std::size_t sample_size(std::size_t of, std::size_t vectors) {
  return std::min(of, std::max<std::size_t>(kMostComparisons / std::max<std::size_t>(vectors, 1), 256));
}

float apart_distance(const Gallery& gallery, float threshold) {
  if (gallery.names().size() < 2) return threshold;
  std::mt19937_64 random(1);
  std::uniform_int_distribution<std::size_t> any(0, gallery.rows() - 1);
  std::vector<float> distances;
  for (std::size_t i = 0; i < kPairs; ++i) {
    const std::size_t a = any(random), b = any(random);
    if (gallery.identity(a) == gallery.identity(b)) continue;
    distances.push_back(embed::distance(gallery.metric(), row_of(gallery, a), row_of(gallery, b)));
  }
  if (distances.empty()) return threshold;
  const auto hundredth = distances.begin() + static_cast<std::ptrdiff_t>(distances.size() / 100);
  std::nth_element(distances.begin(), hundredth, distances.end());
  return std::max(*hundredth, threshold);
}

RowFindings check_rows(const Gallery& gallery, const PeopleRows& people, float threshold, float apart) {
  RowFindings findings;
  const std::vector<Own> own = all_own(gallery, people);
  for (std::size_t r = 0; r < own.size(); ++r) {
    const Own& one = own[r];
    if (one.nearest_distance == kNowhere) continue;
    if (one.distance > apart) findings.far.push_back({r, one.distance});
    // Of two that are each other's nearest the first one tells of both.
    if (one.nearest_distance <= duplicate_distance(gallery.metric()) &&
        (own[one.nearest].nearest != r || r < one.nearest))
      findings.duplicates.push_back({r, gallery.identity(r), one.nearest, one.nearest_distance});
  }
  look_at_others(gallery, own, threshold, findings);
  std::stable_sort(findings.far.begin(), findings.far.end(),
                   [](const FarRow& a, const FarRow& b) { return a.distance > b.distance; });
  std::stable_sort(findings.duplicates.begin(), findings.duplicates.end(),
                   [](const Duplicate& a, const Duplicate& b) { return a.distance < b.distance; });
  return findings;
}

}  // namespace gallery_tool
