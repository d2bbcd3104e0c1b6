// SPDX-License-Identifier: LGPL-2.1-or-later
#include "measure/naming.h"

#include <gtest/gtest.h>

#include <random>

#include "error_code.h"

namespace training {
namespace {

/// People, each with a direction of their own and pictures that scatter around it, and as many strangers who
/// have one picture each.
LabelledEmbeddings crowd(std::size_t people, std::size_t pictures, double scatter) {
  LabelledEmbeddings set;
  std::mt19937 generator(3);
  std::normal_distribution<double> normal;
  for (std::size_t person = 0; person < 2 * people; ++person) {
    embed::Embedding own{};
    for (float& value : own) value = static_cast<float>(normal(generator));
    for (std::size_t picture = 0; picture < (person < people ? pictures : 1); ++picture) {
      embed::Embedding row = own;
      for (float& value : row) value += static_cast<float>(scatter * normal(generator));
      set.values.push_back(row);
      set.labels.push_back(static_cast<std::int64_t>(person));
    }
  }
  return set;
}

NamingPlan plan_of(std::size_t people, std::size_t photographs, std::size_t probes) {
  NamingPlan plan;
  plan.people = people;
  plan.photographs = photographs;
  plan.probes = probes;
  return plan;
}

TEST(Naming, CountsPicturesAndNamesThoseThatAreNear) {
  const Naming found = naming(crowd(20, 4, 0.1), embed::Metric::Cosine, plan_of(10, 2, 2), {});
  EXPECT_EQ(found.probes, 20);
  EXPECT_EQ(found.strangers, 30);  // 20 of one picture, and the 10 who are not drawn.
  EXPECT_EQ(found.at_one_percent.right, 1);
  EXPECT_EQ(found.at_one_percent.wrong, 0);
  EXPECT_EQ(found.at_one_percent.strangers, 0);
  EXPECT_TRUE(found.by_rule.empty());
}

TEST(Naming, ThresholdsOfATableNameAsManyStrangersAsTheySay) {
  // Cosine distances of directions by chance: normal around 1 with a deviation of 1 / √128.
  const double deviation = 1 / std::sqrt(128.0);
  const embed::FarTable table({{0.1, static_cast<float>(1 - 1.2816 * deviation)},
                               {0.01, static_cast<float>(1 - 2.3263 * deviation)},
                               {0.001, static_cast<float>(1 - 3.0902 * deviation)},
                               {0.0001, static_cast<float>(1 - 3.719 * deviation)}},
                              1'000'000);
  NamingPlan plan = plan_of(20, 1, 1);
  plan.draws = 40;
  const Naming found = naming(crowd(150, 2, 3), embed::Metric::Cosine, plan, table, {0.05, 0.3});
  ASSERT_EQ(found.by_rule.size(), 2U);
  EXPECT_EQ(found.by_rule[0].far, 0.05);
  EXPECT_NEAR(found.by_rule[0].rates.strangers, 0.05, 0.02);
  EXPECT_NEAR(found.by_rule[1].rates.strangers, 0.3, 0.06);
  EXPECT_LT(found.by_rule[0].rates.right, found.by_rule[1].rates.right);
}

TEST(Naming, AMistakenNameIsNoRightOne) {
  // Every picture of the people lies at one place: whoever comes first gets the name.
  LabelledEmbeddings set = crowd(4, 3, 0);
  for (std::size_t row = 0; row < 12; ++row) set.values[row] = set.values[0];
  const Naming found = naming(set, embed::Metric::Cosine, plan_of(4, 1, 2), {});
  EXPECT_EQ(found.probes, 8);
  EXPECT_NEAR(found.at_one_percent.right, 0.25, 1e-9);
  EXPECT_NEAR(found.at_one_percent.wrong, 0.75, 1e-9);
}

TEST(Naming, AnotherSeedDrawsOtherPeople) {
  const LabelledEmbeddings set = crowd(40, 3, 1.5);
  NamingPlan plan = plan_of(10, 1, 2);
  plan.draws = 1;
  const double first = naming(set, embed::Metric::Cosine, plan, {}).at_one_percent.right;
  EXPECT_EQ(naming(set, embed::Metric::Cosine, plan, {}).at_one_percent.right, first);
  bool other = false;
  for (plan.seed = 2; plan.seed < 6 && !other; ++plan.seed)
    other = naming(set, embed::Metric::Cosine, plan, {}).at_one_percent.right != first;
  EXPECT_TRUE(other);
}

TEST(Naming, RefusesTooFewPeople) {
  for (const NamingPlan& plan : {plan_of(21, 1, 3), plan_of(20, 1, 4)}) {
    EXPECT_EQ(code_of([&] { naming(crowd(20, 4, 1), embed::Metric::Cosine, plan, {}); }),
              embed::ErrorCode::InvalidArgument);
  }
}

}  // namespace
}  // namespace training
