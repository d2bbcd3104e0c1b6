// SPDX-License-Identifier: LGPL-2.1-or-later
#include "report/run_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "error_code.h"
#include "report/metrics_log.h"

namespace training {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class RunLogTest : public testing::Test {
 protected:
  RunLogTest() : folder_(testing::TempDir() + "run-log-" + std::to_string(getpid())) {
    std::filesystem::create_directories(folder_);
  }
  ~RunLogTest() override { std::filesystem::remove_all(folder_); }

  RunLog read(const std::string& content) {
    std::ofstream(folder_ + "/metrics.jsonl", std::ios::binary) << content;
    return read_run_log(folder_);
  }

  std::string folder_;
  const std::string start_ = R"({"event":"start","batches":10,"options":{"lr":"0.1"}})"
                             "\n";
};

std::string step(int epoch, int batch, double loss) {
  return "{\"event\":\"step\",\"epoch\":" + std::to_string(epoch) + ",\"batch\":" + std::to_string(batch) +
         ",\"loss\":" + std::to_string(loss) + "}\n";
}

TEST_F(RunLogTest, ReadsWhatMetricsLogWrites) {
  TrainOptions options;
  options.data = {"a.safetensors", "/b.safetensors"};
  options.out = "w.safetensors";
  options.val_images = 77;
  options.val_flip = true;
  RunReport report;
  report.images = 40;
  report.batches = 10;
  report.fingerprint = "f00";
  MetricsLog log(folder_, false);
  log.start(report, options);
  StepReport done;
  done.epoch = 1;
  done.batch = 5;
  done.loss = 0.5;
  done.kinds = {6, 3, 1};
  done.distances = {{{0.1, 0.2, 0.3}, {0.7, 0.8, 0.9}}};
  log.step(done);
  log.note("warning", "careful");
  EpochReport epoch;
  epoch.step = done;
  epoch.step.batch = 10;
  epoch.best = true;
  epoch.validation = R"({"auc": 0.75, "tar_at_far": {"0.01": 0.5}})";
  log.epoch(epoch);

  const RunLog found = read_run_log(folder_);
  EXPECT_TRUE(found.start.has_files);
  EXPECT_EQ(found.start.data.size(), 2U);
  EXPECT_TRUE(std::filesystem::path(found.start.data[0]).is_absolute());
  EXPECT_EQ(found.start.data[1], "/b.safetensors");
  EXPECT_EQ(found.start.val, "");
  EXPECT_THAT(found.start.weights, HasSubstr("/w.safetensors"));
  EXPECT_EQ(found.start.images, 40U);
  EXPECT_EQ(found.start.val_images, 77U);
  EXPECT_TRUE(found.start.val_flip);
  EXPECT_EQ(found.start.fingerprint, "f00");
  EXPECT_NE(found.start.version, "");
  EXPECT_EQ(found.start.options.at("loss"), "cosface");
  EXPECT_THAT(found.curves.at("epoch"), ElementsAre(0.5, 1.0));
  EXPECT_THAT(found.curves.at("loss"), ElementsAre(0.5, 0.5));
  EXPECT_NEAR(found.curves.at("semi_hard")[0], 0.3, 1e-12);
  EXPECT_EQ(found.curves.at("negative_p90")[0], 0.9);
  EXPECT_THAT(found.epochs.at("validation_auc"), ElementsAre(0.75));
  EXPECT_THAT(found.epochs.at("best"), ElementsAre(1.0));
  ASSERT_EQ(found.events.size(), 1U);
  EXPECT_EQ(found.events[0].kind, "warning");
  EXPECT_EQ(found.events[0].text, "careful");
  EXPECT_EQ(found.events[0].epoch, 0.5);
  EXPECT_TRUE(found.notes.empty());
}

TEST_F(RunLogTest, ALogOfAnEarlierVersionHasNoFiles) {
  const RunLog found = read(start_ + step(1, 1, 2));
  EXPECT_FALSE(found.start.has_files);
  EXPECT_TRUE(found.start.data.empty());
  EXPECT_EQ(found.start.version, "");
  EXPECT_THAT(found.curves.at("loss"), ElementsAre(2.0));
}

TEST_F(RunLogTest, ACutLastLineIsLeftOut) {
  const RunLog found = read(start_ + step(1, 1, 2) + R"({"event":"step","epo)");
  EXPECT_THAT(found.curves.at("loss"), ElementsAre(2.0));
  ASSERT_EQ(found.notes.size(), 1U);
  EXPECT_THAT(found.notes[0], testing::AllOf(HasSubstr("line 3"), HasSubstr("cut")));
}

TEST_F(RunLogTest, AResumedLogDoesNotGrowOnACutLine) {
  read(start_ + R"({"event":"step","epo)");
  MetricsLog(folder_, true).note("warning", "whole");
  const RunLog found = read_run_log(folder_);
  ASSERT_EQ(found.events.size(), 1U);
  EXPECT_EQ(found.events[0].text, "whole");
}

TEST_F(RunLogTest, WhatAResumedRunRepeatsCountsOnce) {
  const RunLog found =
      read(start_ + step(1, 5, 1) + step(1, 8, 2) +
           R"({"event":"start","batches":10,"resumed_epoch":0,"resumed_batch":5,"options":{}})" + "\n" +
           step(1, 7, 3) + step(1, 9, 4));
  EXPECT_THAT(found.curves.at("epoch"), ElementsAre(0.5, 0.7, 0.9));
  EXPECT_THAT(found.curves.at("loss"), ElementsAre(1.0, 3.0, 4.0));
  ASSERT_EQ(found.events.size(), 1U);
  EXPECT_EQ(found.events[0].kind, "resumed");
}

TEST_F(RunLogTest, HostileLinesAreCountedAndLeftOut) {
  const RunLog found = read(
      start_ + "garbage\n[1,2]\n\"step\"\n" + std::string(5000, '[') + "\n\xff\xfe\n{\"event\":7}\n" +
      R"({"event":"step","epoch":"one","batch":1})"
      "\n"
      R"({"event":"step","epoch":-3,"batch":1})"
      "\n"
      R"({"event":"step","epoch":1e300,"batch":1})"
      "\n"
      R"({"event":"epoch","epoch":1,"batch":10,"loss":"low","triplets":[1],"distances":{"positive":[1,2]},"validation":[3]})"
      "\n");
  EXPECT_THAT(found.curves.at("epoch"), ElementsAre(1.0));
  EXPECT_TRUE(std::isnan(found.curves.at("loss")[0]));
  EXPECT_TRUE(std::isnan(found.curves.at("easy")[0]));
  EXPECT_TRUE(std::isnan(found.curves.at("positive_p10")[0]));
  ASSERT_EQ(found.notes.size(), 4U);
  EXPECT_THAT(found.notes[0], HasSubstr("line 2"));
  EXPECT_THAT(found.notes[3], HasSubstr("6 more"));
}

TEST_F(RunLogTest, RefusesWhatTellsOfNoRun) {
  EXPECT_EQ(code_of([&] { read_run_log(folder_); }), embed::ErrorCode::NotFound);
  EXPECT_EQ(code_of([&] { read(""); }), embed::ErrorCode::Format);
  EXPECT_EQ(code_of([&] { read("a\nb\n"); }), embed::ErrorCode::Format);
  EXPECT_EQ(code_of([&] { read_run_log("/dev/null"); }), embed::ErrorCode::NotFound);
  try {
    read("a\n");
  } catch (const embed::Error& error) {
    EXPECT_THAT(error.what(), testing::AllOf(HasSubstr("metrics.jsonl"), HasSubstr("\"event\"")));
  }
}

TEST(Thinned, KeepsBothEnds) {
  std::vector<double> many(1001);
  for (std::size_t i = 0; i < many.size(); ++i) many[i] = static_cast<double>(i);
  const std::vector<double> few = thinned({{"epoch", many}}, 11).at("epoch");
  EXPECT_THAT(few, ElementsAre(0, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1000));
  EXPECT_EQ(thinned({{"epoch", {1, 2}}}, 11).at("epoch").size(), 2U);
}

}  // namespace
}  // namespace training
