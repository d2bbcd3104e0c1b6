// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "embed/far_table.h"
#include "measure/evaluator.h"

namespace training {

/// Who walks past a camera: people of whom some are enrolled and some are strangers.
struct NamingPlan {
  std::size_t people = 50;      ///< Enrolled.
  std::size_t photographs = 3;  ///< Of each, in the gallery.
  std::size_t probes = 3;       ///< Others of each, which are to be named.
  std::size_t strangers = 300;  ///< At most so many others, with one picture each.
  std::size_t draws = 20;       ///< People and pictures are drawn anew so often.
  std::uint64_t seed = 1;
};

/// Shares of the pictures, means over the draws, 0 to 1.
struct NamingRates {
  double right = 0;      ///< Of the enrolled people's, with their own name.
  double wrong = 0;      ///< Of the enrolled people's, with another's.
  double strangers = 0;  ///< Of the strangers', with a name.
};

struct Naming {
  std::size_t probes = 0, strangers = 0;  ///< Pictures in a draw.
  /// Where the threshold is such that at most 1 % of a draw's strangers are named.
  NamingRates at_one_percent;
  /// By the rule of the stream, with the table's thresholds.
  struct Point {
    double far;
    NamingRates rates;
  };
  std::vector<Point> by_rule;
};

/// The gallery of the stream (nearest row or mean) asked for the rows of a set. `table` may be empty: then
/// by_rule is, too. Throws embed::Error(InvalidArgument) when the set has too few people with
/// plan.photographs + plan.probes rows, or no strangers besides.
Naming naming(const LabelledEmbeddings& set, embed::Metric metric, const NamingPlan& plan,
              const embed::FarTable& table, const std::vector<double>& fars = {0.001, 0.01, 0.05});

}  // namespace training
