// SPDX-License-Identifier: LGPL-2.1-or-later
// The assignment against trying out everything.
#include "identity/assignment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <set>
#include <vector>

namespace {

using embed::identity::Assignment;

struct Table {
  std::size_t rows, columns;
  std::vector<float> costs;
};

std::vector<int> solve(Assignment& assignment, const Table& table, float limit) {
  std::copy(table.costs.begin(), table.costs.end(), assignment.prepare(table.rows, table.columns));
  return assignment.solve(limit);
}

/// The sum of the pairs, and the limit for each row without one.
double total(const Table& table, const std::vector<int>& column_of, float limit) {
  double sum = 0;
  for (std::size_t row = 0; row < table.rows; ++row) {
    sum += static_cast<double>(
        column_of[row] < 0 ? limit
                           : table.costs[row * table.columns + static_cast<std::size_t>(column_of[row])]);
  }
  return sum;
}

/// By trying out all: row by row, each column that is free and none at all.
double least_total(const Table& table, float limit, std::size_t row = 0, unsigned taken = 0) {
  if (row == table.rows) return 0;
  double least = static_cast<double>(limit) + least_total(table, limit, row + 1, taken);
  for (std::size_t column = 0; column < table.columns; ++column) {
    const float cost = table.costs[row * table.columns + column];
    if ((taken >> column & 1U) != 0 || !(cost < limit)) continue;
    least =
        std::min(least, static_cast<double>(cost) + least_total(table, limit, row + 1, taken | 1U << column));
  }
  return least;
}

TEST(Assignment, IsTheCheapestOfAllThereAre) {
  std::mt19937 random(1);
  std::uniform_real_distribution<float> cost(0, 1);
  Assignment assignment;
  for (int trial = 0; trial < 300; ++trial) {
    Table table{1 + random() % 6, 1 + random() % 6, {}};
    for (std::size_t i = 0; i < table.rows * table.columns; ++i) table.costs.push_back(cost(random));
    const float limit = 0.2F + 0.8F * cost(random);
    const auto column_of = solve(assignment, table, limit);
    ASSERT_EQ(column_of.size(), table.rows);
    std::multiset<int> used;
    for (std::size_t row = 0; row < table.rows; ++row) {
      if (column_of[row] < 0) continue;
      used.insert(column_of[row]);
      EXPECT_LT(table.costs[row * table.columns + static_cast<std::size_t>(column_of[row])], limit);
    }
    for (const int column : used) EXPECT_EQ(used.count(column), 1U);
    EXPECT_NEAR(total(table, column_of, limit), least_total(table, limit), 1e-5) << trial;
  }
}

TEST(Assignment, GivesUpTheCheapestPairForABetterWhole) {
  Assignment assignment;
  EXPECT_EQ(solve(assignment, {2, 2, {0.1F, 0.2F, 0.2F, 0.9F}}, 0.8F), (std::vector<int>{1, 0}));
}

TEST(Assignment, MakesNoPairAtTheLimitNorOfWhatIsNoNumber) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), never = std::numeric_limits<float>::infinity();
  Assignment assignment;
  EXPECT_EQ(solve(assignment, {3, 2, {0.5F, never, nan, nan, 0.6F, 0.4F}}, 0.5F),
            (std::vector<int>{-1, -1, 1}));
  EXPECT_EQ(solve(assignment, {2, 1, {never, nan}}, 0.5F), (std::vector<int>{-1, -1}));
}

TEST(Assignment, TakesNothingAndHundreds) {
  Assignment assignment;
  EXPECT_EQ(solve(assignment, {2, 0, {}}, 0.5F), (std::vector<int>{-1, -1}));
  EXPECT_TRUE(solve(assignment, {0, 2, {}}, 0.5F).empty());
  Table table{256, 256, std::vector<float>(256 * 256, 1.0F)};
  std::vector<int> columns(256);
  std::iota(columns.begin(), columns.end(), 0);
  std::shuffle(columns.begin(), columns.end(), std::mt19937(2));
  for (std::size_t row = 0; row < 256; ++row)
    table.costs[row * 256 + static_cast<std::size_t>(columns[row])] = 0.3F;
  EXPECT_EQ(solve(assignment, table, 0.8F), columns);
}

}  // namespace
