// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gtest/gtest.h>

#include <cmath>

#include "embed/error.h"
#include "embed/match_rule.h"
#include "fixtures.h"

using embed::false_name_rate;
using embed::Gallery;
using embed::match_rule;
using embed::MatchSettings;
using embed::Metric;

namespace {

class MatchRule : public testing::Test {
 protected:
  MatchRule() {
    model_.metric = Metric::Cosine;
    model_.threshold = 0.4F;
    for (std::uint64_t person = 0; person < 10; ++person)
      gallery_.add(std::to_string(person), fixtures::random_embedding(person));
  }

  embed::ModelInfo model_;
  Gallery gallery_{Metric::Cosine};
  MatchSettings settings_;
};

TEST_F(MatchRule, TheThresholdIsTheUsersThenTheGallerysThenForTheRateThenTheWeights) {
  EXPECT_EQ(match_rule(settings_, model_, gallery_).threshold, 0.4F);
  model_.far_table = {{{1e-1, 0.5F}, {1e-4, 0.2F}}, 1000};
  settings_.far = 0.001;
  const auto by_rate = match_rule(settings_, model_, gallery_).threshold;
  EXPECT_EQ(by_rate, model_.far_table.threshold(0.001, 10));
  settings_.far = 0.01;
  EXPECT_GT(match_rule(settings_, model_, gallery_).threshold, by_rate);
  gallery_.set_threshold(0.3F);
  EXPECT_EQ(match_rule(settings_, model_, gallery_).threshold, 0.3F);
  settings_.threshold = 0;
  EXPECT_EQ(match_rule(settings_, model_, gallery_).threshold, 0.0F);
}

TEST_F(MatchRule, EveryVectorThatAStrangerIsComparedWithIsOneMoreChance) {
  model_.far_table = {{{1e-1, 0.5F}, {1e-4, 0.2F}}, 1000};
  const auto for_vectors = [&](std::size_t vectors) { return model_.far_table.threshold(0.001, vectors); };
  EXPECT_EQ(match_rule(settings_, model_, gallery_).threshold, for_vectors(10));
  EXPECT_EQ(match_rule(settings_, model_, Gallery(Metric::Cosine)).threshold, for_vectors(1));
  gallery_.add("0", fixtures::random_embedding(99));
  EXPECT_EQ(match_rule(settings_, model_, gallery_).threshold, for_vectors(11));
  gallery_.build_means();
  EXPECT_EQ(match_rule(settings_, model_, gallery_).threshold, for_vectors(12));
}

TEST_F(MatchRule, SaysTheChanceOfAnyFalseNameAtTheThresholdThatIsApplied) {
  const auto rate = [this] {
    return false_name_rate(match_rule(settings_, model_, gallery_), model_, gallery_);
  };
  EXPECT_FALSE(rate()) << "weights without a table";
  model_.far_table = {{{1e-1, 0.5F}, {1e-4, 0.2F}}, 1000};
  for (const double far : {0.01, 0.001}) {
    settings_.far = far;
    EXPECT_NEAR(*rate() / far, 1, 1e-4);
  }
  settings_.threshold = 0.2;
  EXPECT_NEAR(*rate() / 0.001, 1, 1e-3) << "ten chances of one in ten thousand";
  gallery_.add("0", fixtures::random_embedding(99));
  EXPECT_NEAR(*rate() / 0.0011, 1, 1e-3);
  settings_.threshold = -1;
  gallery_.set_threshold(0.5F);
  EXPECT_NEAR(*rate(), 1 - std::pow(0.9, 11), 1e-6) << "the gallery's own";
  settings_.metric = "l2";
  EXPECT_EQ(rate(), 1) << "no threshold, so everybody gets a name";
  settings_.threshold = 1;
  EXPECT_FALSE(rate()) << "the table is of another metric";
  EXPECT_EQ(false_name_rate({}, model_, Gallery(Metric::Cosine)), 0);
}

TEST_F(MatchRule, NoThresholdOfAnotherDistance) {
  model_.far_table = {{{1e-1, 0.5F}, {1e-4, 0.2F}}, 1000};
  gallery_.set_threshold(0.3F);
  settings_.metric = "l2";
  EXPECT_EQ(match_rule(settings_, model_, gallery_).metric, Metric::L2);
  EXPECT_FALSE(match_rule(settings_, model_, gallery_).threshold);
  settings_.metric = "euclid";
  EXPECT_THROW(match_rule(settings_, model_, gallery_), embed::Error);
}

TEST_F(MatchRule, TheRestIsAsAsked) {
  settings_.k = 3;
  settings_.margin = 0.1F;
  EXPECT_EQ(match_rule(settings_, model_, gallery_).k, 3U);
  EXPECT_EQ(match_rule(settings_, model_, gallery_).margin, 0.1F);
  EXPECT_EQ(match_rule(settings_, model_, gallery_).metric, Metric::Cosine);
}

}  // namespace
