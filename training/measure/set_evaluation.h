// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "measure/bootstrap.h"
#include "measure/evaluator.h"
#include "measure/projection.h"

namespace training {

/// Two rows of a set and their distance.
struct RowPair {
  float distance;
  std::uint32_t first, second;
};

/// Two identities that are near each other.
struct ConfusedPair {
  std::uint32_t first, second;  ///< Identities; first < second.
  /// Pictures of the first whose nearest other picture is one of the second, and the other way round.
  std::uint32_t first_as_second = 0, second_as_first = 0;
  float nearest = 0;  ///< Smallest distance between a picture of one and a picture of the other.
};

/// Who is taken for whom when each picture is named after its nearest other picture. Pictures of identities
/// with one picture cannot be named right and are not asked. Ties are mistakes: a network that gives one
/// vector for everything names nobody.
struct Confusion {
  std::size_t asked = 0, right = 0;  ///< Pictures.
  std::vector<std::uint32_t>
      identities;  ///< [M] those of the table: all of a small set, else the most confused.
  std::vector<std::vector<std::uint32_t>>
      counts;  ///< [M][M] pictures of the row's identity named as the column's.
  std::vector<std::uint32_t>
      elsewhere;                    ///< [M] pictures of the row's identity named as one outside the table.
  std::vector<ConfusedPair> pairs;  ///< Most mistakes first, then nearest first.
};

/// Counts of distances in equal bins from 0 to `high`.
struct Histogram {
  double high = 0;
  std::vector<std::size_t> genuine, impostor;
};

struct SetEvaluationOptions {
  embed::Metric metric = embed::Metric::Cosine;
  std::optional<float> threshold;  ///< Pairs up to this distance are accepted.
  std::size_t resamples = 500;     ///< Of the bootstrap; 0: no intervals.
  std::size_t worst = 24;          ///< Pairs in each of the two lists.
  std::size_t times = 4;           ///< Most pairs of a list in which one picture is.
  std::size_t mapped = 1500;       ///< Most rows on the map, a seeded choice.
  std::size_t bins = 60;           ///< Of the histogram.
  std::size_t whole_table = 40;    ///< Up to so many identities the table has them all, …
  std::size_t cut_table = 25;      ///< … else so many.
  std::size_t confused = 25;       ///< Most pairs of identities in the list.
  std::uint64_t seed = 1;
};

/// What a report tells about a set of labelled embeddings.
struct SetEvaluation {
  embed::Metric metric = embed::Metric::Cosine;
  std::optional<float> threshold;
  Roc roc;                        ///< At the rates 1e-1, 1e-2, 1e-3, 1e-4.
  std::vector<Roc::Point> curve;  ///< Rising rates from 1e-4 to 1, those that the impostor pairs can measure.
  /// At the threshold: false- and true-accept rate, and the share of right decisions.
  double far = 0, tar = 0, accuracy = 0;
  std::optional<VerificationIntervals> intervals;  ///< TAR in the order of roc.tar_at_far.
  bool accuracy_interval = false;  ///< False when the resampled impostor pairs were a sample of all.
  Histogram histogram;
  Confusion confusion;
  std::vector<RowPair> false_matches;  ///< Impostor pairs, nearest first.
  std::vector<RowPair> misses;         ///< Genuine pairs, farthest first.
  std::vector<std::uint32_t> mapped;   ///< Rows on the map, rising.
  Projection pca, tsne;                ///< Of the mapped rows; of unit length for the cosine metric.
};

/// Whether `rate` can be measured with so many impostor pairs: one of them at least must be accepted.
bool is_measurable(double rate, std::size_t impostors);

/// Measures all of it. `identities`: labels are below it. O(N² · 128) time; a function of its arguments
/// alone. Throws embed::Error(InvalidArgument) when there is no genuine or no impostor pair, or a value is
/// not finite.
SetEvaluation evaluate_set(const LabelledEmbeddings& set, std::size_t identities,
                           const SetEvaluationOptions& options);

}  // namespace training
