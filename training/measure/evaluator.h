// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "embed/embedding.h"

namespace training {

/// Embeddings with their classes, row by row.
struct LabelledEmbeddings {
  std::vector<embed::Embedding> values;  ///< [N]
  std::vector<std::int64_t> labels;      ///< [N]
};

/// Verification at every threshold: a pair is accepted when its distance is ≤ the threshold.
struct Roc {
  std::size_t genuine = 0, impostor = 0;  ///< Pairs of each kind.
  double auc = 0;                         ///< Area under the ROC; ties count half. 0 to 1.
  double eer = 0;                         ///< Where false-accept and false-reject rates meet. 0 to 1.
  float eer_threshold = 0;
  double best_accuracy =
      0;  ///< Largest share of right decisions at one threshold (both kinds weighted by count).
  float best_threshold = 0;
  struct Point {
    double far;  ///< The false-accept rate asked for.
    double tar;  ///< True-accept rate at the largest threshold whose false-accept rate is ≤ far.
    float threshold;
  };
  std::vector<Point> tar_at_far;  ///< In the order of the rates asked for.
  /// Whether there are impostor pairs enough to see that rate: one pair is 1 / impostor.
  bool measurable(const Point& point) const noexcept {
    return point.far * static_cast<double>(impostor) >= 1;
  }
};

/// Throws embed::Error(InvalidArgument) when either list is empty or a distance is not finite.
Roc roc(std::vector<float> genuine, std::vector<float> impostor,
        const std::vector<double>& fars = {1e-1, 1e-2, 1e-3, 1e-4});

/// Distances of all pairs, genuine (same label) and impostor. When there are more than `most_impostors`
/// impostor pairs, a seeded sample of that many.
std::pair<std::vector<float>, std::vector<float>> all_pairs(const LabelledEmbeddings& set,
                                                            embed::Metric metric,
                                                            std::size_t most_impostors = 20'000'000,
                                                            std::uint64_t seed = 1);

/// The founding note's measure: triplets whose loss at margin 0 is exactly 0, d(a,p) ≤ d(a,n). Ties count as
/// correct, so the strict share and the spread (mean standard deviation of the 128 values) tell a collapsed
/// network.
struct TripletAccuracy {
  std::size_t correct = 0, strict = 0, all = 0;
  double spread = 0;
  double rate() const { return all == 0 ? 0.0 : static_cast<double>(correct) / static_cast<double>(all); }
  double strict_rate() const {
    return all == 0 ? 0.0 : static_cast<double>(strict) / static_cast<double>(all);
  }
};

struct Triplet {
  std::size_t anchor, positive, negative;  ///< Row numbers.
};
TripletAccuracy triplet_accuracy(const LabelledEmbeddings& set, const std::vector<Triplet>& triplets,
                                 embed::Metric metric);

/// Share of `queries` whose nearest `gallery` row (k = 1) has their label.
double nearest_accuracy(const LabelledEmbeddings& gallery, const LabelledEmbeddings& queries,
                        embed::Metric metric);

/// Share of rows whose nearest other row has their label, of the rows in classes of two or more.
/// Throws embed::Error(InvalidArgument) when there is no such class.
double leave_one_out_accuracy(const LabelledEmbeddings& set, embed::Metric metric);

}  // namespace training
