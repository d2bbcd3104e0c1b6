// SPDX-License-Identifier: LGPL-2.1-or-later
// "That is not her": faces that are nearer to a counter-example of a person than to the person.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "embed/gallery.h"
#include "fixtures.h"

namespace {

using embed::Embedding;
using embed::Gallery;
using embed::Match;
using embed::MatchOptions;
using embed::Metric;
using embed::Role;
using embed::Unknown;

/// On the unit circle of the first two values.
Embedding at(double degrees) {
  const double angle = degrees * std::acos(-1.0) / 180;
  Embedding embedding{};
  embedding[0] = static_cast<float>(std::cos(angle));
  embedding[1] = static_cast<float>(std::sin(angle));
  return embedding;
}

MatchOptions rule(Metric metric = Metric::Cosine) {
  MatchOptions options;
  options.metric = metric;
  options.threshold = 10.0F;
  return options;
}

/// Ada at 0°, Ben at 90°; somebody at 30° is not Ada.
Gallery with_counter_example() {
  Gallery gallery;
  gallery.add("Ada", at(0));
  gallery.add("Ben", at(90));
  gallery.add("Ada", at(30), {}, Role::CounterExample);
  return gallery;
}

TEST(CounterExamples, AFaceNearerToOneThanToThePersonIsRejected) {
  for (const Metric metric : {Metric::Cosine, Metric::L1, Metric::L2, Metric::SquaredL2}) {
    const Match match = with_counter_example().match(at(28), rule(metric));
    EXPECT_EQ(match.unknown, Unknown::Rejected);
    EXPECT_EQ(match.label_id, -1);
    EXPECT_EQ(match.nearest_id, 0) << "who else it might have been";
    EXPECT_NEAR(match.distance, embed::distance(metric, at(28), at(0)), 1e-5);
    EXPECT_EQ(match.runner_up_id, 1);
  }
  EXPECT_STREQ(embed::to_string(Unknown::Rejected), "rejected");
}

TEST(CounterExamples, AFaceNearerToThePersonKeepsTheName) {
  EXPECT_EQ(with_counter_example().match(at(14), rule()).label_id, 0);
  EXPECT_EQ(with_counter_example().match(at(-20), rule()).label_id, 0);
}

TEST(CounterExamples, SayNothingOfOtherPeople) {
  Gallery gallery = with_counter_example();
  gallery.add("Cem", at(31));
  EXPECT_EQ(gallery.match(at(30), rule()).label_id, 2);
}

TEST(CounterExamples, AFaceThatIsBothIsThePersons) {
  Gallery gallery = with_counter_example();
  gallery.add("Ada", at(30));  // enrolled after all
  EXPECT_EQ(gallery.match(at(30), rule()).label_id, 0);
}

TEST(CounterExamples, TheMeanOfAPersonIsThePersonToo) {
  Gallery gallery = with_counter_example();
  gallery.add("Ada", at(40));
  EXPECT_EQ(gallery.match(at(24), rule()).unknown, Unknown::Rejected);
  gallery.build_means();  // at 20°
  EXPECT_EQ(gallery.match(at(24), rule()).label_id, 0);
  EXPECT_EQ(gallery.match(at(26), rule()).unknown, Unknown::Rejected);
}

TEST(CounterExamples, FarAndAmbiguousStayWhatTheyAre) {
  MatchOptions options = rule();
  options.threshold = 0.01F;
  EXPECT_EQ(with_counter_example().match(at(30), options).unknown, Unknown::Far);
  options = rule();
  options.margin = 1.5F;
  EXPECT_EQ(with_counter_example().match(at(30), options).unknown, Unknown::Ambiguous);
}

TEST(CounterExamples, NeitherCountAsRowsNorEnterTheMeans) {
  Gallery gallery = with_counter_example();
  gallery.build_means();
  EXPECT_EQ(gallery.rows(), 2U);
  EXPECT_EQ(gallery.vectors(), 2U);
  EXPECT_EQ(gallery.rows_of(0), 1U);
  EXPECT_EQ(gallery.rows_of(0, Role::CounterExample), 1U);
}

TEST(CounterExamples, ABatchIsToldAsOneByOne) {
  Gallery gallery;
  for (std::uint64_t person = 0; person < 50; ++person) {
    const std::string name = std::to_string(person);
    gallery.add(name, fixtures::random_embedding(person));
    for (std::uint64_t i = 0; i < 5; ++i)
      gallery.add(name, fixtures::random_embedding(1000 + 5 * person + i), {}, Role::CounterExample);
  }
  std::vector<Embedding> queries;
  for (std::uint64_t q = 0; q < 300; ++q) queries.push_back(fixtures::random_embedding(5000 + q));
  std::vector<Match> matches(queries.size());
  gallery.match(queries.data(), queries.size(), rule(), matches.data());
  std::size_t rejected = 0;
  for (std::size_t q = 0; q < queries.size(); ++q) {
    const Match alone = gallery.match(queries[q], rule());
    EXPECT_EQ(matches[q].label_id, alone.label_id);
    EXPECT_EQ(matches[q].unknown, alone.unknown);
    rejected += alone.unknown == Unknown::Rejected ? 1 : 0;
  }
  EXPECT_GT(rejected, 0U);
  EXPECT_LT(rejected, queries.size());
}

}  // namespace
