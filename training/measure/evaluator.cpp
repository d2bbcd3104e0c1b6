// SPDX-License-Identifier: LGPL-2.1-or-later
#include "measure/evaluator.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <string>

#include "base/rng.h"
#include "embed/error.h"
#include "embed/parallel.h"
#include "measure/embedding_rows.h"

namespace training {

namespace {

using embed::Error;
using embed::ErrorCode;
using embed::kEmbeddingDim;
using embed::Metric;

void require_usable(const std::vector<float>& distances, const char* kind) {
  if (distances.empty())
    throw Error(ErrorCode::InvalidArgument, std::string("no ") + kind + " pair to verify");
  if (!std::all_of(distances.begin(), distances.end(), [](float d) { return std::isfinite(d); })) {
    throw Error(ErrorCode::InvalidArgument, std::string("a distance of a ") + kind + " pair is not finite");
  }
}

double share(std::size_t part, std::size_t all) {
  return static_cast<double>(part) / static_cast<double>(all);
}

/// Share of (genuine, impostor) couples in which the genuine pair is nearer; ties count half. Both sorted.
double area_under_curve(const std::vector<float>& genuine, const std::vector<float>& impostor) {
  std::size_t below = 0, up_to = 0;
  double twice = 0;
  for (const float d : genuine) {
    while (below < impostor.size() && impostor[below] < d) ++below;
    while (up_to < impostor.size() && impostor[up_to] <= d) ++up_to;
    twice += static_cast<double>((impostor.size() - up_to) + (impostor.size() - below));
  }
  return twice / 2 / static_cast<double>(genuine.size()) / static_cast<double>(impostor.size());
}

/// Halfway from a distance to the next larger one, and never at that one.
float between(float low, float high) {
  const float middle = low + (high - low) / 2;
  return middle < high ? middle : low;
}

/// Walks the thresholds at which decisions change, in rising order, and notes the equal error rate and the
/// best one.
void sweep(const std::vector<float>& genuine, const std::vector<float>& impostor, Roc& roc) {
  const std::size_t all = genuine.size() + impostor.size();
  std::size_t accepted_genuine = 0, accepted_impostor = 0, best_right = impostor.size();
  float threshold = std::min(genuine.front(), impostor.front());
  roc.best_threshold = std::nextafter(threshold, -std::numeric_limits<float>::infinity());
  double far_before = 0, frr_before = 1;
  float threshold_before = threshold;
  bool crossed = false;
  while (accepted_genuine + accepted_impostor < all) {
    while (accepted_genuine < genuine.size() && genuine[accepted_genuine] <= threshold) ++accepted_genuine;
    while (accepted_impostor < impostor.size() && impostor[accepted_impostor] <= threshold)
      ++accepted_impostor;
    float next = std::numeric_limits<float>::infinity();
    if (accepted_genuine < genuine.size()) next = genuine[accepted_genuine];
    if (accepted_impostor < impostor.size()) next = std::min(next, impostor[accepted_impostor]);

    const std::size_t right = accepted_genuine + impostor.size() - accepted_impostor;
    if (right > best_right) {
      best_right = right;
      roc.best_threshold = std::isinf(next) ? threshold : between(threshold, next);
    }
    const double far = share(accepted_impostor, impostor.size());
    const double frr = share(genuine.size() - accepted_genuine, genuine.size());
    if (!crossed && far >= frr) {
      crossed = true;
      const double before = frr_before - far_before;  // > 0
      const double part = before / (before + far - frr);
      roc.eer = far_before + part * (far - far_before);
      roc.eer_threshold = threshold_before + static_cast<float>(part) * (threshold - threshold_before);
    }
    far_before = far;
    frr_before = frr;
    threshold_before = threshold;
    threshold = next;
  }
  roc.best_accuracy = share(best_right, all);
}

Roc::Point at_far(const std::vector<float>& genuine, const std::vector<float>& impostor, double far) {
  if (!(far >= 0 && far <= 1))
    throw Error(ErrorCode::InvalidArgument, "a false-accept rate from 0 to 1 expected");
  // A hair more than far · N: 0.001 · 3000 is 3, also when the product rounds to 2.9999….
  const double allowed = std::floor(far * static_cast<double>(impostor.size()) * (1 + 1e-12));
  const auto accepted = static_cast<std::size_t>(allowed);
  float threshold = std::max(genuine.back(), impostor.back());
  if (accepted < impostor.size()) {
    threshold = std::nextafter(impostor[accepted], -std::numeric_limits<float>::infinity());
  }
  const auto end = std::upper_bound(genuine.begin(), genuine.end(), threshold);
  return {far, share(static_cast<std::size_t>(end - genuine.begin()), genuine.size()), threshold};
}

double mean_standard_deviation(const std::vector<embed::Embedding>& values) {
  if (values.empty()) return 0;
  const auto count = static_cast<double>(values.size());
  double sum = 0;
  for (std::size_t d = 0; d < kEmbeddingDim; ++d) {
    double mean = 0, variance = 0;
    for (const embed::Embedding& row : values) mean += row[d];
    mean /= count;
    for (const embed::Embedding& row : values) variance += (row[d] - mean) * (row[d] - mean);
    sum += std::sqrt(variance / count);
  }
  return sum / static_cast<double>(kEmbeddingDim);
}

constexpr std::size_t kNoRow = std::numeric_limits<std::size_t>::max();

/// The nearest row of `known` for rows [first, first + count) of `asked`; a row is not its own neighbour when
/// the two are the same set. A tile of `known` stays in the cache while the block of queries passes over it.
void nearest_of_block(const Rows& known, const Rows& asked, bool same_set, std::size_t first,
                      std::size_t count, std::size_t* nearest) {
  constexpr std::size_t kTile = 256;
  std::vector<float> best(count, std::numeric_limits<float>::infinity());
  for (std::size_t tile = 0; tile < known.size(); tile += kTile) {
    const std::size_t tile_end = std::min(tile + kTile, known.size());
    for (std::size_t q = 0; q < count; ++q) {
      for (std::size_t row = tile; row < tile_end; ++row) {
        if (same_set && row == first + q) continue;
        const float d = known.distance(asked[first + q], known[row]);
        if (d < best[q]) {
          best[q] = d;
          nearest[q] = row;
        }
      }
    }
  }
}

std::vector<std::size_t> nearest_rows(const Rows& known, const Rows& asked, bool same_set) {
  constexpr std::size_t kBlock = 64;
  std::vector<std::size_t> nearest(asked.size(), kNoRow);
  embed::for_each_block(asked.size(), kBlock, [&](std::size_t first, std::size_t end) {
    nearest_of_block(known, asked, same_set, first, end - first, nearest.data() + first);
  });
  return nearest;
}

}  // namespace

Roc roc(std::vector<float> genuine, std::vector<float> impostor, const std::vector<double>& fars) {
  require_usable(genuine, "genuine");
  require_usable(impostor, "impostor");
  std::sort(genuine.begin(), genuine.end());
  std::sort(impostor.begin(), impostor.end());
  Roc result;
  result.genuine = genuine.size();
  result.impostor = impostor.size();
  result.auc = area_under_curve(genuine, impostor);
  sweep(genuine, impostor, result);
  for (const double far : fars) result.tar_at_far.push_back(at_far(genuine, impostor, far));
  return result;
}

std::pair<std::vector<float>, std::vector<float>> all_pairs(const LabelledEmbeddings& set, Metric metric,
                                                            std::size_t most_impostors, std::uint64_t seed) {
  std::pair<std::vector<float>, std::vector<float>> pairs;
  for_each_pair(set, metric, most_impostors, seed, [&](std::size_t i, std::size_t j, float distance) {
    (set.labels[i] == set.labels[j] ? pairs.first : pairs.second).push_back(distance);
  });
  return pairs;
}

TripletAccuracy triplet_accuracy(const LabelledEmbeddings& set, const std::vector<Triplet>& triplets,
                                 Metric metric) {
  const Rows rows(set, metric);
  TripletAccuracy result;
  for (const Triplet& triplet : triplets) {
    if (std::max({triplet.anchor, triplet.positive, triplet.negative}) >= rows.size()) {
      throw Error(ErrorCode::InvalidArgument, "a triplet names a row that is not there");
    }
    const float positive = rows.distance(rows[triplet.anchor], rows[triplet.positive]);
    const float negative = rows.distance(rows[triplet.anchor], rows[triplet.negative]);
    ++result.all;
    if (positive <= negative) ++result.correct;
    if (positive < negative) ++result.strict;
  }
  result.spread = mean_standard_deviation(set.values);
  return result;
}

double nearest_accuracy(const LabelledEmbeddings& gallery, const LabelledEmbeddings& queries, Metric metric) {
  const Rows known(gallery, metric);
  const Rows asked(queries, metric);
  if (known.size() == 0 || asked.size() == 0) {
    throw Error(ErrorCode::InvalidArgument,
                "nearest neighbours need a gallery and queries that are not empty");
  }
  const std::vector<std::size_t> nearest = nearest_rows(known, asked, /*same_set=*/false);
  std::size_t right = 0;
  for (std::size_t q = 0; q < asked.size(); ++q) {
    right +=
        static_cast<std::size_t>(nearest[q] != kNoRow && gallery.labels[nearest[q]] == queries.labels[q]);
  }
  return share(right, asked.size());
}

double leave_one_out_accuracy(const LabelledEmbeddings& set, Metric metric) {
  const Rows rows(set, metric);
  std::map<std::int64_t, std::size_t> class_size;
  for (const std::int64_t label : set.labels) ++class_size[label];
  const std::vector<std::size_t> nearest = nearest_rows(rows, rows, /*same_set=*/true);
  std::size_t right = 0, asked = 0;
  for (std::size_t q = 0; q < rows.size(); ++q) {
    if (class_size[set.labels[q]] < 2) continue;
    ++asked;
    right += static_cast<std::size_t>(nearest[q] != kNoRow && set.labels[nearest[q]] == set.labels[q]);
  }
  if (asked == 0)
    throw Error(ErrorCode::InvalidArgument, "no class with two rows or more to leave one out of");
  return share(right, asked);
}

}  // namespace training
