// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gtest/gtest.h>

#include <cmath>

#include "embed/error.h"
#include "embed/far_table.h"

using embed::Error;
using embed::FarTable;

namespace {

FarTable table() {
  return {{{1e-1, 0.6F}, {1e-2, 0.5F}, {1e-4, 0.2F}}, 1'000'000};
}

TEST(FarTable, GoesThroughItsPointsAndStraightBetweenThem) {
  EXPECT_FLOAT_EQ(table().threshold(1e-1), 0.6F);
  EXPECT_FLOAT_EQ(table().threshold(1e-2), 0.5F);
  EXPECT_FLOAT_EQ(table().threshold(1e-3), 0.35F);
  EXPECT_FLOAT_EQ(table().threshold(1e-4), 0.2F);
}

TEST(FarTable, GoesOnBeyondItsPointsButNotBelowNought) {
  EXPECT_FLOAT_EQ(table().threshold(1e-5), 0.05F);
  EXPECT_FLOAT_EQ(table().threshold(1e-9), 0.0F);
  EXPECT_NEAR(table().threshold(0.5), 0.6 + 0.1 * std::log10(5), 1e-6);
}

TEST(FarTable, ManyVectorsShareTheRate) {
  // Ten chances of 1 − 0.9^(1/10) are one of 0.1.
  const double one = 1 - std::pow(0.9, 0.1);
  EXPECT_NEAR(table().threshold(0.1, 10), table().threshold(one), 1e-6);
  EXPECT_NEAR(table().threshold(1e-3, 10), table().threshold(1e-4), 1e-4);
  EXPECT_GT(table().threshold(0.01, 50), table().threshold(0.01, 500));
}

TEST(FarTable, SaysTheRateOfEachThreshold) {
  for (const double far : {0.3, 0.1, 0.03, 1e-2, 1e-3, 1e-4, 1e-5}) {
    for (const std::size_t vectors : {1, 10, 1000}) {
      const float threshold = table().threshold(far, vectors);
      if (threshold > 0) {
        EXPECT_NEAR(table().rate(threshold, vectors) / far, 1, 1e-4) << far << ' ' << vectors;
      }
    }
  }
  EXPECT_EQ(table().rate(5), 1) << "a distance at which every comparison is accepted";
  EXPECT_GT(table().rate(0.3F, 100), table().rate(0.3F, 10));
}

TEST(FarTable, SaysTheHighestOfTheRatesThatHaveOneThreshold) {
  const FarTable flat({{1e-1, 0.5F}, {1e-2, 0.5F}, {1e-3, 0.3F}, {1e-4, 0.3F}}, 1000);
  EXPECT_DOUBLE_EQ(flat.rate(0.5F), 1e-1);
  EXPECT_DOUBLE_EQ(flat.rate(0.51F), 1);
  EXPECT_NEAR(flat.rate(0.4F), std::sqrt(1e-2 * 1e-3), 1e-6);
  EXPECT_DOUBLE_EQ(flat.rate(0.3F), 1e-3);
  EXPECT_DOUBLE_EQ(flat.rate(0.2F), 1e-4) << "no more is known";
}

TEST(FarTable, ComesBackFromItsText) {
  const FarTable back = FarTable::from_json(table().to_json());
  EXPECT_EQ(back.comparisons(), 1'000'000U);
  ASSERT_EQ(back.points().size(), 3U);
  EXPECT_EQ(back.points()[2].far, 1e-4);
  EXPECT_EQ(back.points()[2].threshold, 0.2F);
  EXPECT_TRUE(FarTable().empty());
  EXPECT_FALSE(back.empty());
}

TEST(FarTable, RefusesWhatIsNone) {
  using Points = std::vector<FarTable::Point>;
  for (const Points& points :
       {Points{}, Points{{0.1, 0.5F}}, Points{{0.01, 0.5F}, {0.1, 0.5F}}, Points{{0.1, 0.4F}, {0.01, 0.5F}},
        Points{{1.0, 0.5F}, {0.1, 0.4F}}, Points{{0.1, 0.5F}, {0.0, 0.4F}},
        Points{{0.1, 0.5F}, {0.01, -0.1F}}, Points{{0.1, INFINITY}, {0.01, 0.4F}}}) {
    EXPECT_THROW(FarTable(points, 1), Error);
  }
  for (const char* text : {"", "[]", "{}", R"({"points": [[0.1, 0.5], [0.01, 0.4]]})",
                           R"({"comparisons": -1, "points": [[0.1, 0.5], [0.01, 0.4]]})",
                           R"({"comparisons": 1, "points": [[0.1], [0.01]]})",
                           R"({"comparisons": 1, "points": [[0.1, "0.5"], [0.01, 0.4]]})",
                           R"({"comparisons": 1, "points": 7})"}) {
    EXPECT_THROW(FarTable::from_json(text), Error) << text;
  }
}

}  // namespace
