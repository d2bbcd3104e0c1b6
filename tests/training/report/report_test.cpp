// SPDX-License-Identifier: LGPL-2.1-or-later
#include "report/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "error_code.h"
#include "report/picture_book.h"
#include "report/png_writer.h"

namespace training {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

/// Rows on a line, with their labels.
LabelledEmbeddings line(const std::vector<std::pair<float, std::int64_t>>& places) {
  LabelledEmbeddings set;
  for (const auto& [place, label] : places) {
    set.values.push_back({place});
    set.labels.push_back(label);
  }
  return set;
}

SetEvaluationOptions on_a_line() {
  SetEvaluationOptions options;
  options.metric = embed::Metric::L2;
  options.threshold = 1.5F;
  options.resamples = 20;
  return options;
}

// 0: at 0, 1 and 9; 1: at 10 and 11; 2: at 50 alone.
const std::vector<std::pair<float, std::int64_t>> kPlaces = {{0, 0},  {1, 0},  {9, 0},
                                                             {10, 1}, {11, 1}, {50, 2}};

TEST(SetEvaluation, CountsWhoIsTakenForWhom) {
  const Confusion found = evaluate_set(line(kPlaces), 3, on_a_line()).confusion;
  EXPECT_EQ(found.asked, 5U) << "an identity with one picture cannot be named right";
  // 9 is taken for identity 1; 10 is as near to 9 as to 11, and a tie is a mistake.
  EXPECT_EQ(found.right, 3U);
  EXPECT_THAT(found.identities, ElementsAre(0, 1, 2));
  EXPECT_THAT(found.counts[0], ElementsAre(2, 1, 0));
  EXPECT_THAT(found.counts[1], ElementsAre(1, 1, 0));
  EXPECT_THAT(found.counts[2], ElementsAre(0, 0, 0));
  ASSERT_EQ(found.pairs.size(), 2U);
  EXPECT_EQ(found.pairs[0].first, 0U);
  EXPECT_EQ(found.pairs[0].second, 1U);
  EXPECT_EQ(found.pairs[0].first_as_second, 1U);
  EXPECT_EQ(found.pairs[0].second_as_first, 1U);
  EXPECT_EQ(found.pairs[0].nearest, 1);
  EXPECT_EQ(found.pairs[1].nearest, 39);
}

TEST(SetEvaluation, OfManyIdentitiesTheMostConfusedAreShown) {
  SetEvaluationOptions options = on_a_line();
  options.whole_table = options.cut_table = 2;
  options.confused = 1;
  const Confusion found = evaluate_set(line(kPlaces), 3, options).confusion;
  EXPECT_THAT(found.identities, ElementsAre(0, 1));
  EXPECT_EQ(found.pairs.size(), 1U);
  options.cut_table = 1;
  const Confusion one = evaluate_set(line(kPlaces), 3, options).confusion;
  EXPECT_THAT(one.counts[0], ElementsAre(2));
  EXPECT_THAT(one.elsewhere, ElementsAre(1));
}

TEST(SetEvaluation, ListsTheWorstPairs) {
  SetEvaluationOptions options = on_a_line();
  options.worst = 3;
  const SetEvaluation found = evaluate_set(line(kPlaces), 3, options);
  ASSERT_EQ(found.false_matches.size(), 3U);
  EXPECT_EQ(found.false_matches[0].distance, 1);
  EXPECT_EQ(found.false_matches[1].distance, 2);
  EXPECT_EQ(found.false_matches[2].distance, 9);
  ASSERT_EQ(found.misses.size(), 3U);
  EXPECT_EQ(found.misses[0].distance, 9);
  EXPECT_EQ(found.misses[1].distance, 8);
  EXPECT_EQ(found.misses[2].distance, 1);
  options.times = 1;
  const SetEvaluation once = evaluate_set(line(kPlaces), 3, options);
  // 9–10, then 1–11: 9 and 10 have had their turn.
  ASSERT_GE(once.false_matches.size(), 2U);
  EXPECT_EQ(once.false_matches[1].distance, 10);
}

TEST(SetEvaluation, MeasuresTheThreshold) {
  const SetEvaluation found = evaluate_set(line(kPlaces), 3, on_a_line());
  EXPECT_EQ(found.roc.genuine, 4U);
  EXPECT_EQ(found.roc.impostor, 11U);
  EXPECT_DOUBLE_EQ(found.tar, 0.5);       // 0–1 and 10–11 of four.
  EXPECT_DOUBLE_EQ(found.far, 1.0 / 11);  // 9–10.
  EXPECT_DOUBLE_EQ(found.accuracy, 12.0 / 15);
  std::size_t genuine = 0, impostor = 0;
  for (const std::size_t count : found.histogram.genuine) genuine += count;
  for (const std::size_t count : found.histogram.impostor) impostor += count;
  EXPECT_EQ(genuine, 4U);
  EXPECT_EQ(impostor, 11U);
  EXPECT_EQ(found.histogram.high, 50);
  for (const Roc::Point& point : found.curve) EXPECT_GE(point.far, 1.0 / 11) << "finer than can be measured";
  EXPECT_EQ(found.curve.back().tar, 1);
  EXPECT_TRUE(found.accuracy_interval);
  EXPECT_EQ(found.tsne.points.size(), 6U);
  EXPECT_EQ(code_of([] {
              evaluate_set(line({{0, 0}, {1, 0}}), 1, on_a_line());
            }),
            embed::ErrorCode::InvalidArgument);
}

TEST(SetEvaluation, MapsASeededSample) {
  SetEvaluationOptions options = on_a_line();
  options.mapped = 3;
  const SetEvaluation found = evaluate_set(line(kPlaces), 3, options);
  EXPECT_EQ(found.mapped.size(), 3U);
  EXPECT_EQ(found.pca.points.size(), 3U);
  EXPECT_EQ(evaluate_set(line(kPlaces), 3, options).mapped, found.mapped);
}

TEST(Png, IsWhatTheStandardSays) {
  const std::uint8_t pixels[] = {0, 10, 20, 255, 0, 10, 20, 254, 9, 9, 9, 9};
  const std::string png = encode_png(pixels, 2, 2, 3);
  EXPECT_EQ(png.substr(0, 8), "\x89PNG\r\n\x1a\n");
  EXPECT_EQ(png.substr(8, 8), std::string("\0\0\0\x0dIHDR", 8));
  EXPECT_EQ(png.substr(16, 13), std::string("\0\0\0\2\0\0\0\2\x08\2\0\0\0", 13));
  // The last chunk is empty; its checksum is in every PNG file.
  EXPECT_EQ(png.substr(png.size() - 12), std::string("\0\0\0\0IEND\xae\x42\x60\x82", 12));
  EXPECT_EQ(code_of([&] { encode_png(pixels, 0, 2, 3); }), embed::ErrorCode::InvalidArgument);
  EXPECT_EQ(code_of([&] { encode_png(pixels, 2, 2, 2); }), embed::ErrorCode::InvalidArgument);
}

TEST(Base64, GivesTheVectorsOfTheRfc) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64("\xff\xfe\xfd"), "//79");
}

TEST(PictureBook, ShrinksByAreasAndLeavesTheBorderOut) {
  std::vector<std::uint8_t> picture(36, 200);  // 6×6 with a border of one around 4×4.
  for (std::size_t y = 0; y < 4; ++y) {
    for (std::size_t x = 0; x < 4; ++x)
      picture[(y + 1) * 6 + x + 1] = static_cast<std::uint8_t>(10 * (y / 2) + x);
  }
  const PackedPictures pictures = {{picture.data()}, 6, 6, 1, 1.5F, "set"};
  const SmallPicture whole = shrink(pictures, 0, 100);
  EXPECT_EQ(whole.width, 4) << "never enlarged";
  EXPECT_THAT(whole.pixels, ElementsAre(0, 1, 2, 3, 0, 1, 2, 3, 10, 11, 12, 13, 10, 11, 12, 13));
  const SmallPicture half = shrink(pictures, 0, 2);
  EXPECT_THAT(half.pixels, ElementsAre(1, 3, 11, 13));  // 0.5 and 2.5, rounded up.
}

TEST(PictureBook, HoldsEachPictureOnceWithinItsBudget) {
  const std::vector<std::uint8_t> one(16, 1), two(16, 2);
  const PackedPictures pictures = {{one.data(), two.data(), one.data()}, 4, 4, 1, 1.0F, "set"};
  PictureBook book(1000);
  EXPECT_EQ(book.add(pictures, 0, 4), 0);
  EXPECT_EQ(book.add(pictures, 1, 4), 1);
  EXPECT_EQ(book.add(pictures, 2, 4), 0);
  EXPECT_EQ(book.uris().size(), 2U);
  EXPECT_FALSE(book.full());
  PictureBook small(book.uris()[0].size());
  EXPECT_EQ(small.add(pictures, 0, 4), 0);
  EXPECT_EQ(small.add(pictures, 1, 4), -1);
  EXPECT_EQ(small.add(pictures, 2, 4), 0);
  EXPECT_TRUE(small.full());
}

TEST(Report, NamesCannotLeaveTheirScript) {
  const std::string evil = "</script><img src=x onerror=alert(1)><!-- & \xff";
  const std::vector<std::uint8_t> grey(16, 7);
  ReportRun run;
  run.name = run.log.folder = evil;
  run.log.start.options[evil] = evil;
  run.log.events.push_back({0.5, evil, evil});
  run.notes.push_back(evil);
  const LabelledEmbeddings set = line(kPlaces);
  run.evaluation = evaluate_set(set, 3, on_a_line());
  run.labels = set.labels;
  run.names = {evil, evil, evil};
  run.sources.assign(6, evil);
  run.pictures = {std::vector<PackedPicture>(6, grey.data()), 4, 4, 1, 1.0F, evil};
  const std::string json = report_json({run});
  for (const char c : {'<', '>', '&'}) EXPECT_EQ(json.find(c), std::string::npos) << c;
  const nlohmann::json parsed = nlohmann::json::parse(json);
  const std::string same = "</script><img src=x onerror=alert(1)><!-- & \xEF\xBF\xBD";
  EXPECT_EQ(parsed["runs"][0]["name"], same);
  EXPECT_EQ(parsed["runs"][0]["evaluation"]["names"][2], same);
  EXPECT_EQ(parsed["pictures"].size(), 1U) << "all pictures are the same";
  EXPECT_EQ(parsed["runs"][0]["evaluation"]["map"]["picture"].size(), 6U);
  const std::string page = report_page(json);
  EXPECT_THAT(page, HasSubstr(json));
  EXPECT_THAT(page, Not(HasSubstr("onerror=alert(1)>")));
  EXPECT_EQ(page.rfind("<!DOCTYPE html>", 0), 0U);
}

TEST(Report, ARunWithoutEvaluationHasItsCurves) {
  ReportRun run;
  run.log.curves = {
      {"epoch", {1, 2}}, {"loss", {0.123456789, std::nan("")}}, {"lr", {std::nan(""), std::nan("")}}};
  const nlohmann::json parsed = nlohmann::json::parse(report_json({run}))["runs"][0];
  EXPECT_FALSE(parsed.contains("evaluation"));
  EXPECT_EQ(parsed["curves"]["loss"], nlohmann::json::parse("[0.123457, null]"));
  EXPECT_FALSE(parsed["curves"].contains("lr")) << "a column without a number";
}

}  // namespace
}  // namespace training
