// SPDX-License-Identifier: LGPL-2.1-or-later
// The table of a training's options.
#include "options/option_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "error_code.h"

namespace training {
namespace {

using ::testing::HasSubstr;

TEST(OptionTable, NamesEachOptionOnceAndHoldsItsDefault) {
  std::set<std::string> names;
  for (const TrainOption& option : train_option_table()) {
    EXPECT_TRUE(names.insert(option.name).second) << option.name;
    EXPECT_STRNE(option.blurb, "") << option.name;
    EXPECT_LE(option.minimum, option.maximum) << option.name;
  }
  EXPECT_NO_THROW(check_ranges(TrainOptions()));
  EXPECT_NO_THROW(check_ranges(note_options()));
  EXPECT_STREQ(train_option("lr").group, "Optimiser");
}

TEST(OptionTable, RefusesWhatIsOutsideARange) {
  const auto refusal = [](auto change) {
    TrainOptions options;
    change(options);
    return error_of([&] { check_ranges(options); }, embed::ErrorCode::InvalidArgument);
  };
  EXPECT_THAT(refusal([](TrainOptions& o) { o.lr = -1; }), HasSubstr("--lr: a number from 0"));
  EXPECT_THAT(refusal([](TrainOptions& o) { o.epochs = 0; }), HasSubstr("--epochs: a number from 1"));
  EXPECT_THAT(refusal([](TrainOptions& o) { o.std[2] = 0; }), HasSubstr("--std"));
  EXPECT_THAT(refusal([](TrainOptions& o) { o.step_at = {0.5, 2}; }), HasSubstr("--step-at"));
}

TEST(OptionTable, TellsWhatDecidesTheOutcome) {
  TrainOptions options;
  const auto usual = decisive_options(options);
  EXPECT_EQ(usual.at("lr"), "0.1");
  EXPECT_EQ(usual.at("loss"), "cosface");
  EXPECT_EQ(usual.at("margin"), "0.3");
  EXPECT_EQ(usual.at("pk"), "0 4");
  EXPECT_EQ(usual.at("mean"), "[0.0,0.0,0.0]");
  for (const char* name : {"out", "threads", "workers", "device", "teacher", "teacher-cosine", "blend"})
    EXPECT_EQ(usual.count(name), 0U) << name;
  options.soft_margin = true;
  options.teacher_init = true;
  options.val = "set";
  options.blend = 0.5;
  options.miner = Miner::SemiHard;
  const auto other = decisive_options(options);
  EXPECT_EQ(other.at("margin"), "soft");
  EXPECT_EQ(other.at("teacher"), "init");
  EXPECT_EQ(other.at("teacher-relations"), "4.0");
  EXPECT_EQ(other.at("val-fraction"), "-");
  EXPECT_EQ(other.at("blend"), "0.5");
  EXPECT_EQ(other.at("miner"), "semi-hard");
}

}  // namespace
}  // namespace training
