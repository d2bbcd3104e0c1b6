// SPDX-License-Identifier: LGPL-2.1-or-later
#include "measure/identification.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "error_code.h"
#include "measure/bootstrap.h"
#include "retrieval_golden.h"

namespace training {
namespace {

LabelledEmbeddings golden_set() {
  LabelledEmbeddings set;
  for (const auto& values : golden::kRetrievalRows) {
    embed::Embedding row{};
    std::copy(values.begin(), values.end(), row.begin());
    set.values.push_back(row);
  }
  set.labels = golden::kRetrievalLabels;
  return set;
}

/// Rows on a line, at the places given.
LabelledEmbeddings line(const std::vector<std::pair<float, std::int64_t>>& places) {
  LabelledEmbeddings set;
  for (const auto& [place, label] : places) {
    embed::Embedding row{};
    row[0] = place;
    set.values.push_back(row);
    set.labels.push_back(label);
  }
  return set;
}

TEST(Retrieval, AgreesWithPytorchMetricLearningAndScikitLearn) {
  for (const auto metric : {embed::Metric::L2, embed::Metric::SquaredL2}) {
    const Retrieval found = retrieval(golden_set(), metric, {1, 5, 10});
    EXPECT_EQ(found.queries, 52U);
    EXPECT_NEAR(found.precision_at_1, golden::kPrecisionAt1, 1e-9);
    EXPECT_NEAR(found.r_precision, golden::kRPrecision, 1e-9);
    EXPECT_NEAR(found.map_at_r, golden::kMapAtR, 1e-9);
    for (std::size_t k = 0; k < 3; ++k) EXPECT_NEAR(found.rank_rates[k], golden::kRankRates[k], 1e-9) << k;
    EXPECT_EQ(found.triplets, golden::kAllTriplets);
    EXPECT_EQ(found.triplets_correct, golden::kAllTripletsCorrect);
  }
  const auto [genuine, impostor] = all_pairs(golden_set(), embed::Metric::L2);
  EXPECT_NEAR(roc(genuine, impostor).auc, golden::kAuc, 1e-9);
}

TEST(Retrieval, CountsTiesAsCorrectButNotStrict) {
  const Retrieval found = retrieval(line({{0, 0}, {1, 0}, {-1, 1}, {9, 1}}), embed::Metric::L2);
  // Anchor 0: d(a,p) = 1 against 1 and 9. Anchor 1: 1 against 2, 8. Anchors −1 and 9: 10 against 1, 2 and
  // 9, 8.
  EXPECT_EQ(found.triplets, 8U);
  EXPECT_EQ(found.triplets_correct, 4U);
  EXPECT_EQ(found.triplets_strict, 3U);
  const Retrieval collapsed = retrieval(line({{3, 0}, {3, 0}, {3, 1}, {3, 1}}), embed::Metric::L2);
  EXPECT_EQ(collapsed.triplets_correct, collapsed.triplets);
  EXPECT_EQ(collapsed.triplets_strict, 0U);
}

/// The measures by their definitions: every query sorts all the others.
Retrieval by_sorting(const LabelledEmbeddings& set, embed::Metric metric, std::size_t rank) {
  Retrieval result;
  result.rank_rates = {0};
  for (std::size_t q = 0; q < set.values.size(); ++q) {
    std::vector<std::pair<float, std::size_t>> others;
    for (std::size_t i = 0; i < set.values.size(); ++i) {
      if (i != q) others.emplace_back(embed::distance(metric, set.values[q], set.values[i]), i);
    }
    std::sort(others.begin(), others.end());
    const auto own = [&](const auto& other) { return set.labels[other.second] == set.labels[q]; };
    const auto relevant = static_cast<std::size_t>(std::count_if(others.begin(), others.end(), own));
    if (relevant == 0) continue;
    ++result.queries;
    double hits = 0, precisions = 0;
    for (std::size_t i = 0; i < relevant; ++i) {
      if (own(others[i])) precisions += ++hits / static_cast<double>(i + 1);
    }
    result.precision_at_1 += own(others[0]) ? 1 : 0;
    result.r_precision += hits / static_cast<double>(relevant);
    result.map_at_r += precisions / static_cast<double>(relevant);
    result.rank_rates[0] +=
        std::any_of(others.begin(), others.begin() + static_cast<std::ptrdiff_t>(rank), own);
    for (const auto& positive : others) {
      for (const auto& negative : others) {
        if (!own(positive) || own(negative)) continue;
        ++result.triplets;
        result.triplets_correct += positive.first <= negative.first ? 1 : 0;
        result.triplets_strict += positive.first < negative.first ? 1 : 0;
      }
    }
  }
  for (double* sum : {&result.precision_at_1, &result.r_precision, &result.map_at_r, &result.rank_rates[0]})
    *sum /= static_cast<double>(result.queries);
  return result;
}

TEST(Retrieval, AgreesWithTheDefinitionsOnManyRowsWithTies) {
  // More rows than a tile and than a block of queries; few places, so that most distances are shared; classes
  // of one row to 180.
  std::mt19937 random(5);
  std::vector<std::pair<float, std::int64_t>> places;
  for (int i = 0; i < 600; ++i) {
    const auto label = static_cast<std::int64_t>(std::min(random() % 40, random() % 40));
    places.emplace_back(static_cast<float>(static_cast<int>(random() % 9) + label),
                        i == 7 ? 1000 : label / 3);
  }
  for (const auto metric : {embed::Metric::L1, embed::Metric::SquaredL2}) {
    const Retrieval found = retrieval(line(places), metric, {5}),
                    expected = by_sorting(line(places), metric, 5);
    EXPECT_EQ(found.queries, 599U);
    EXPECT_EQ(found.queries, expected.queries);
    EXPECT_DOUBLE_EQ(found.precision_at_1, expected.precision_at_1);
    EXPECT_DOUBLE_EQ(found.r_precision, expected.r_precision);
    EXPECT_DOUBLE_EQ(found.map_at_r, expected.map_at_r);
    EXPECT_DOUBLE_EQ(found.rank_rates.at(0), expected.rank_rates.at(0));
    EXPECT_EQ(found.triplets, expected.triplets);
    EXPECT_EQ(found.triplets_correct, expected.triplets_correct);
    EXPECT_EQ(found.triplets_strict, expected.triplets_strict);
  }
}

TEST(Retrieval, RefusesWhatCannotBeAsked) {
  EXPECT_EQ(code_of([] {
              retrieval(line({{0, 0}, {1, 0}}), embed::Metric::L2);
            }),
            embed::ErrorCode::InvalidArgument);
  EXPECT_EQ(code_of([] {
              retrieval(line({{0, 0}, {1, 1}}), embed::Metric::L2);
            }),
            embed::ErrorCode::InvalidArgument);
}

TEST(OpenSet, NamesTheKnownAndRefusesTheUnknown) {
  // Four identities far apart, each with three rows close together: whoever is enrolled is found at once.
  std::vector<std::pair<float, std::int64_t>> places;
  for (int round = 0; round < 3; ++round) {
    for (int who = 0; who < 4; ++who) places.emplace_back(static_cast<float>(100 * who + round), who);
  }
  const OpenSet clear = open_set(line(places), embed::Metric::L2, {0.0, 0.5});
  EXPECT_EQ(clear.enrolled, 2U);
  EXPECT_EQ(clear.known_probes, 4U);
  EXPECT_EQ(clear.unknown_probes, 6U);
  EXPECT_EQ(clear.points[0].rate, 1.0);
  EXPECT_GE(clear.points[0].threshold, 2.0F);
  EXPECT_LT(clear.points[0].threshold, 98.0F);
  // All rows at one place: without naming strangers nobody is named.
  for (auto& [place, label] : places) place = 0;
  EXPECT_EQ(open_set(line(places), embed::Metric::L2, {0.5}).points[0].rate, 0.0);
  EXPECT_EQ(code_of([] {
              open_set(line({{0, 0}, {1, 0}, {5, 1}}), embed::Metric::L2);
            }),
            embed::ErrorCode::InvalidArgument);
}

TEST(Bootstrap, IntervalsHoldTheMeasureAndShrinkWithTheData) {
  const auto made = [](std::uint32_t pairs) {
    std::vector<SampledPair> list;
    for (std::uint32_t i = 0; i < pairs; ++i) {
      // Genuine at 0 … 1, impostors at 0.5 … 1.5: AUC 0.875, best threshold anywhere in 0.5 … 1 with 0.75
      // right.
      const std::uint32_t step = i / 2, steps = pairs / 2;
      const float place = static_cast<float>(step) / static_cast<float>(steps);
      list.push_back({i % 2 == 0 ? place : 0.5F + place, i % 2 == 0, i, i});
    }
    return bootstrap(list, pairs, 0.75F, {0.1}, 400);
  };
  const VerificationIntervals few = made(100), many = made(1600);
  for (const VerificationIntervals& found : {few, many}) {
    EXPECT_EQ(found.resamples, 400U);
    EXPECT_LT(found.auc.low, 0.875);
    EXPECT_GT(found.auc.high, 0.875);
    EXPECT_LT(found.eer.low, 0.25);
    EXPECT_GT(found.eer.high, 0.25);
    EXPECT_LT(found.accuracy.low, 0.75);
    EXPECT_GT(found.accuracy.high, 0.75);
    EXPECT_LT(found.tar[0].low, 0.6);
    EXPECT_GT(found.tar[0].high, 0.6);
  }
  // Four times narrower with sixteen times the pairs.
  EXPECT_NEAR((few.auc.high - few.auc.low) / (many.auc.high - many.auc.low), 4, 1);
  EXPECT_EQ(made(100).auc.low, few.auc.low) << "the same seed, the same interval";
}

TEST(Bootstrap, DrawsIdentitiesNotPairs) {
  // One identity's pictures are all far from each other: it is drawn as a whole or not at all, so the
  // intervals are wide, however many pictures it has.
  std::vector<SampledPair> pairs;
  for (int i = 0; i < 500; ++i) pairs.push_back({2, true, 0, 0});
  for (std::uint32_t unit = 1; unit < 4; ++unit) pairs.push_back({0, true, unit, unit});
  for (std::uint32_t a = 0; a < 4; ++a) {
    for (std::uint32_t b = a + 1; b < 4; ++b) pairs.push_back({1, false, a, b});
  }
  const VerificationIntervals found = bootstrap(pairs, 4, 0.5F, {0.1}, 300);
  EXPECT_LT(found.auc.low, 0.01);
  EXPECT_EQ(found.auc.high, 1.0);
}

TEST(Bootstrap, RefusesOneKindOfPair) {
  EXPECT_EQ(code_of([] { bootstrap({{1, true, 0, 0}}, 1, 0, {}, 10); }), embed::ErrorCode::InvalidArgument);
  EXPECT_EQ(code_of([] {
              bootstrap({{1, true, 0, 0}, {1, false, 1, 1}}, 2, 0, {}, 0);
            }),
            embed::ErrorCode::InvalidArgument);
}

}  // namespace
}  // namespace training
