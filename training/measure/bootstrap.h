// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "measure/evaluator.h"

namespace training {

/// A pair of pictures for resampling. Units are what is drawn: identities where all pairs of a set are looked
/// at (pictures of one person are no independent witnesses), the pairs themselves for a list of pairs.
struct SampledPair {
  float distance;
  bool genuine;
  std::uint32_t unit, other_unit;  ///< Equal for a pair that lies within one unit.
};

/// Pairs of a set with the identities as units; at most `most_impostors` impostor pairs, a seeded choice.
std::vector<SampledPair> sampled_pairs(const LabelledEmbeddings& set, embed::Metric metric,
                                       std::size_t most_impostors, std::uint64_t seed = 1);

/// The middle 95 % of what resampled data give.
struct Interval {
  double low = 0, high = 0;
};

struct VerificationIntervals {
  Interval auc, eer, accuracy;  ///< `accuracy`: share of right decisions at the threshold given.
  std::vector<Interval> tar;    ///< For each false-accept rate asked for.
  std::size_t resamples = 0;    ///< Those that had pairs of both kinds.
};

/// Percentile bootstrap (Efron, 1979): `units` units are drawn with replacement `resamples` times; a pair
/// counts as often as its unit, or as the product of its two units. A function of its arguments alone. Throws
/// embed::Error(InvalidArgument) when there is no pair of one kind or `resamples` is 0.
VerificationIntervals bootstrap(std::vector<SampledPair> pairs, std::size_t units, float threshold,
                                const std::vector<double>& fars, std::size_t resamples,
                                std::uint64_t seed = 1);

}  // namespace training
