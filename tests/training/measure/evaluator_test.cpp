// SPDX-License-Identifier: LGPL-2.1-or-later
#include "measure/evaluator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "error_code.h"
#include "evaluator_golden.h"

namespace training {
namespace {

LabelledEmbeddings golden_set(std::size_t first, std::size_t last) {
  LabelledEmbeddings set;
  for (std::size_t i = first; i < last; ++i) {
    embed::Embedding row{};
    std::copy(golden::kRows[i].begin(), golden::kRows[i].end(), row.begin());
    set.values.push_back(row);
    set.labels.push_back(golden::kLabels[i]);
  }
  return set;
}

TEST(Roc, AgreesWithCountingByDefinition) {
  for (const golden::RocCase& expected : golden::kRocCases) {
    const Roc result = roc(expected.genuine, expected.impostor, {0.1, 0.01, 0.001});
    SCOPED_TRACE(expected.genuine.size());
    EXPECT_EQ(result.genuine, expected.genuine.size());
    EXPECT_EQ(result.impostor, expected.impostor.size());
    EXPECT_NEAR(result.auc, expected.auc, 1e-12);
    EXPECT_NEAR(result.eer, expected.eer, 1e-12);
    EXPECT_NEAR(result.best_accuracy, expected.best_accuracy, 1e-12);
    for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(result.tar_at_far[i].tar, expected.tar[i], 1e-12) << i;
  }
}

TEST(Roc, ThresholdsGiveTheRatesThatTheyStandFor) {
  for (const golden::RocCase& expected : golden::kRocCases) {
    const Roc result = roc(expected.genuine, expected.impostor, {0.1, 0.0, 1.0});
    const auto accepted = [](const std::vector<float>& distances, float threshold) {
      return std::count_if(distances.begin(), distances.end(), [&](float d) { return d <= threshold; });
    };
    const auto right = accepted(expected.genuine, result.best_threshold) +
                       static_cast<std::ptrdiff_t>(expected.impostor.size()) -
                       accepted(expected.impostor, result.best_threshold);
    EXPECT_NEAR(
        static_cast<double>(right) / static_cast<double>(expected.genuine.size() + expected.impostor.size()),
        result.best_accuracy, 1e-12);
    EXPECT_LE(static_cast<double>(accepted(expected.impostor, result.tar_at_far[0].threshold)),
              0.1 * static_cast<double>(expected.impostor.size()) + 1e-9);
    EXPECT_EQ(accepted(expected.impostor, result.tar_at_far[1].threshold), 0);
    EXPECT_EQ(result.tar_at_far[2].tar, 1.0);
  }
}

TEST(Roc, PerfectAndCollapsedNetworks) {
  const Roc perfect = roc({0.1F, 0.2F}, {0.8F, 0.9F, 1.0F});
  EXPECT_EQ(perfect.auc, 1.0);
  EXPECT_EQ(perfect.eer, 0.0);
  EXPECT_EQ(perfect.best_accuracy, 1.0);
  EXPECT_GT(perfect.best_threshold, 0.2F);
  EXPECT_LT(perfect.best_threshold, 0.8F);
  const Roc collapsed = roc({0.0F, 0.0F}, {0.0F, 0.0F, 0.0F});
  EXPECT_EQ(collapsed.auc, 0.5);
  EXPECT_EQ(collapsed.eer, 0.5);
  EXPECT_EQ(collapsed.best_accuracy, 0.6);  // by refusing every pair
  EXPECT_LT(collapsed.best_threshold, 0.0F);
  EXPECT_EQ(collapsed.tar_at_far[0].tar, 0.0);
}

TEST(Roc, RefusesWhatCannotBeMeasured) {
  EXPECT_EQ(code_of([] { roc({}, {1.0F}); }), embed::ErrorCode::InvalidArgument);
  EXPECT_EQ(code_of([] { roc({1.0F}, {}); }), embed::ErrorCode::InvalidArgument);
  EXPECT_EQ(code_of([] { roc({std::nanf("")}, {1.0F}); }), embed::ErrorCode::InvalidArgument);
  EXPECT_EQ(code_of([] { roc({1.0F}, {HUGE_VALF}); }), embed::ErrorCode::InvalidArgument);
  EXPECT_EQ(code_of([] { roc({1.0F}, {1.0F}, {1.5}); }), embed::ErrorCode::InvalidArgument);
}

TEST(AllPairs, DistancesOfEveryPairInEachMetric) {
  const LabelledEmbeddings set = golden_set(0, 24);
  for (const golden::MetricCase& expected : golden::kMetricCases) {
    SCOPED_TRACE(embed::to_string(expected.metric));
    const auto [genuine, impostor] = all_pairs(set, expected.metric);
    EXPECT_EQ(genuine.size(), 4U * 15U);
    EXPECT_EQ(impostor.size(), 276U - 60U);
    EXPECT_NEAR(std::accumulate(genuine.begin(), genuine.end(), 0.0), expected.genuine_sum, 1e-4);
    EXPECT_NEAR(std::accumulate(impostor.begin(), impostor.end(), 0.0), expected.impostor_sum, 1e-3);
  }
}

TEST(AllPairs, SamplesImpostorsBySeed) {
  const LabelledEmbeddings set = golden_set(0, 24);
  const auto all = all_pairs(set, embed::Metric::L2).second;
  const auto some = all_pairs(set, embed::Metric::L2, 50, 3);
  EXPECT_EQ(some.first.size(), 60U);
  ASSERT_EQ(some.second.size(), 50U);
  EXPECT_EQ(some.second, all_pairs(set, embed::Metric::L2, 50, 3).second);
  EXPECT_NE(some.second, all_pairs(set, embed::Metric::L2, 50, 4).second);
  auto next = all.begin();  // a subsequence: no pair twice
  for (const float d : some.second) {
    next = std::find(next, all.end(), d);
    ASSERT_NE(next, all.end());
    ++next;
  }
}

TEST(TripletAccuracy, CountsTiesAndSpread) {
  const LabelledEmbeddings set = golden_set(0, 24);
  std::vector<Triplet> triplets;
  for (std::size_t i = 0; i < 24; ++i) triplets.push_back({i, (i + 4) % 24, (i + 1) % 24});
  TripletAccuracy result = triplet_accuracy(set, triplets, embed::Metric::SquaredL2);
  EXPECT_EQ(result.all, 24U);
  EXPECT_EQ(result.correct, golden::kTripletsCorrect);
  EXPECT_EQ(result.strict, golden::kTripletsCorrect);
  EXPECT_NEAR(result.spread, golden::kSpread, 1e-9);

  LabelledEmbeddings collapsed = set;
  for (embed::Embedding& row : collapsed.values) row.fill(0.5F);
  result = triplet_accuracy(collapsed, triplets, embed::Metric::SquaredL2);
  EXPECT_EQ(result.rate(), 1.0);
  EXPECT_EQ(result.strict_rate(), 0.0);
  EXPECT_EQ(result.spread, 0.0);
  EXPECT_EQ(code_of([&] {
              triplet_accuracy(set, {{0, 1, 24}}, embed::Metric::L2);
            }),
            embed::ErrorCode::InvalidArgument);
}

TEST(NearestAccuracy, AgreesWithBruteForce) {
  for (const golden::MetricCase& expected : golden::kMetricCases) {
    SCOPED_TRACE(embed::to_string(expected.metric));
    EXPECT_NEAR(nearest_accuracy(golden_set(0, 12), golden_set(12, 24), expected.metric), expected.nearest,
                1e-12);
    EXPECT_NEAR(leave_one_out_accuracy(golden_set(0, 24), expected.metric), expected.leave_one_out, 1e-12);
  }
}

TEST(NearestAccuracy, ARowOfALaterBlockIsNotItsOwnNeighbour) {
  // More rows than are looked at together. Pairs that lie close are of two classes, so that each answer is
  // wrong; a row that answered for itself would be right.
  LabelledEmbeddings set;
  for (int i = 0; i < 200; ++i) {
    embed::Embedding row{};
    row[0] = static_cast<float>(i / 2);
    row[1] = 0.01F * static_cast<float>(i % 2);
    set.values.push_back(row);
    set.labels.push_back(i % 2);
  }
  EXPECT_EQ(leave_one_out_accuracy(set, embed::Metric::L2), 0.0);
}

TEST(NearestAccuracy, RefusesEmptySets) {
  const LabelledEmbeddings set = golden_set(0, 4);
  EXPECT_EQ(code_of([&] { nearest_accuracy({}, set, embed::Metric::L2); }),
            embed::ErrorCode::InvalidArgument);
  EXPECT_EQ(code_of([&] { nearest_accuracy(set, {}, embed::Metric::L2); }),
            embed::ErrorCode::InvalidArgument);
  // Four rows of four classes: nobody has a neighbour of the same class.
  EXPECT_EQ(code_of([&] { leave_one_out_accuracy(set, embed::Metric::L2); }),
            embed::ErrorCode::InvalidArgument);
}

}  // namespace
}  // namespace training
