// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "measure/evaluator.h"

namespace training {

/// How well the nearest neighbours of each row are of its class. Every row in a class of two or more asks all
/// the other rows; equal distances are ranked by row number.
struct Retrieval {
  std::size_t queries = 0;
  double precision_at_1 = 0;  ///< Share of queries whose nearest row is of their class.
  /// Mean share of a query's class among its R nearest, R being the number of other rows of that class.
  double r_precision = 0;
  /// Mean average precision at R (Musgrave et al., A Metric Learning Reality Check, 2020): the mean over the
  /// R nearest of precision at i where row i is of the class, 0 where it is not.
  double map_at_r = 0;
  std::vector<std::size_t> ranks;  ///< The k asked for.
  std::vector<double>
      rank_rates;  ///< For each k: share of queries with a row of their class among the k nearest.
  /// Over all triplets (anchor, positive, negative) of the set: d(a,p) ≤ d(a,n), and < for `strict`.
  std::uint64_t triplets = 0, triplets_correct = 0, triplets_strict = 0;
};

/// Throws embed::Error(InvalidArgument) when no class has two rows, or all rows are of one class. Takes
/// O(N² · 128) time on all processors, and little memory beside the rows.
Retrieval retrieval(const LabelledEmbeddings& set, embed::Metric metric,
                    const std::vector<std::size_t>& ranks = {1, 5, 10});

/// Identification where some who ask are nobody that is known.
struct OpenSet {
  std::size_t enrolled = 0;        ///< Identities in the gallery, one row each.
  std::size_t known_probes = 0;    ///< Further rows of those identities.
  std::size_t unknown_probes = 0;  ///< Rows of the identities that are not enrolled.
  struct Point {
    double far;   ///< Share of unknown probes that are given a name.
    double rate;  ///< Detection and identification rate: known probes given their own name at that threshold.
    float threshold;
  };
  std::vector<Point> points;  ///< In the order of the rates asked for.
};

/// A seeded half of the identities with two rows or more is enrolled with one row each. Throws
/// embed::Error(InvalidArgument) when fewer than two identities have two rows.
OpenSet open_set(const LabelledEmbeddings& set, embed::Metric metric,
                 const std::vector<double>& fars = {0.1, 0.01}, std::uint64_t seed = 1);

}  // namespace training
