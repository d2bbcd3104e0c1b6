// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/model_info.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "embed/options.h"
#include "error_matchers.h"

namespace {

using embed::Alignment;
using embed::ErrorCode;
using embed::Head;
using embed::InputSpec;
using embed::ModelInfo;
using testing_errors::expect_error;

/// Every field away from its default.
ModelInfo unusual() {
  ModelInfo info;
  info.head = Head::Sigmoid;
  info.metric = embed::Metric::SquaredL2;
  info.threshold = 0.1F;
  info.threshold_far = 1e-3F;
  info.far_table = {{{1e-1, 0.5F}, {1e-3, 0.1F}}, 5000};
  info.trained_on = "faces of \"friends\", Ünïcode";
  info.terms = "theirs alone";
  info.teacher = R"({"name":"t"})";
  info.recipe = "triplet-train train --seed 1";
  info.evaluation = R"({"auc":0.99})";
  info.input.width = 112;
  info.input.height = 96;
  info.input.bgr = true;
  info.input.mean = {0.1F, 0.2F, 0.3F};
  info.input.std = {0.4F, 0.5F, 0.6F};
  info.input.crop.alignment = Alignment::Box;
  info.input.crop.box_scale = 1.3F;
  info.input.crop.box_shift_x = -0.05F;
  info.input.crop.box_shift_y = 0.07F;
  info.input.crop.pad_right_bottom = true;
  info.input.crop.context = 1.25F;
  for (std::size_t i = 0; i < 5; ++i) info.input.crop.five_points[i] = {0.1F * static_cast<float>(i), 0.33F};
  return info;
}

void expect_same(const InputSpec& a, const InputSpec& b) {
  EXPECT_EQ(a.width, b.width);
  EXPECT_EQ(a.height, b.height);
  EXPECT_EQ(a.channels, b.channels);
  EXPECT_EQ(a.bgr, b.bgr);
  EXPECT_EQ(a.mean, b.mean);
  EXPECT_EQ(a.std, b.std);
  EXPECT_EQ(a.crop.alignment, b.crop.alignment);
  EXPECT_EQ(a.crop.box_scale, b.crop.box_scale);
  EXPECT_EQ(a.crop.box_shift_x, b.crop.box_shift_x);
  EXPECT_EQ(a.crop.box_shift_y, b.crop.box_shift_y);
  EXPECT_EQ(a.crop.pad_right_bottom, b.crop.pad_right_bottom);
  EXPECT_EQ(a.crop.context, b.crop.context);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(a.crop.five_points[i].x, b.crop.five_points[i].x);
    EXPECT_EQ(a.crop.five_points[i].y, b.crop.five_points[i].y);
  }
}

void expect_round_trip(const ModelInfo& info) {
  const ModelInfo back = embed::model_info_from_metadata(embed::to_metadata(info), "file");
  EXPECT_EQ(back.arch, info.arch);
  EXPECT_EQ(back.head, info.head);
  EXPECT_EQ(back.metric, info.metric);
  EXPECT_EQ(back.threshold, info.threshold);
  EXPECT_EQ(back.threshold_far, info.threshold_far);
  EXPECT_EQ(back.far_table.empty(), info.far_table.empty());
  if (!info.far_table.empty()) {
    EXPECT_EQ(back.far_table.to_json(), info.far_table.to_json());
  }
  EXPECT_EQ(back.trained_on, info.trained_on);
  EXPECT_EQ(back.terms, info.terms);
  EXPECT_EQ(back.teacher, info.teacher);
  EXPECT_EQ(back.recipe, info.recipe);
  EXPECT_EQ(back.evaluation, info.evaluation);
  expect_same(back.input, info.input);
}

TEST(ModelInfo, ComesBackBitForBit) {
  expect_round_trip({});
  expect_round_trip(unusual());
  ModelInfo grey;
  grey.input.channels = 1;
  grey.input.crop.alignment = Alignment::Whole;
  expect_round_trip(grey);
}

TEST(ModelInfo, NamesRoundTrip) {
  for (const Head head : {Head::Sigmoid, Head::Linear, Head::L2})
    EXPECT_EQ(embed::parse_head(to_string(head)), head);
  for (const Alignment way : {Alignment::Whole, Alignment::Box, Alignment::FivePoint}) {
    EXPECT_EQ(embed::parse_alignment(to_string(way)), way);
  }
  expect_error(ErrorCode::InvalidArgument, {"'softmax'", "sigmoid, linear, l2"},
               [] { embed::parse_head("softmax"); });
  expect_error(ErrorCode::InvalidArgument, {"'eyes'", "whole, box, five-point"},
               [] { embed::parse_alignment("eyes"); });
}

TEST(ModelInfo, NamesTheMissingField) {
  for (const char* field : {"arch", "embedding_dim", "head", "input", "crop", "metric"}) {
    auto metadata = embed::to_metadata(unusual());
    metadata.erase(field);
    expect_error(ErrorCode::Format, {"some.file: ", field, "missing"},
                 [&] { embed::model_info_from_metadata(metadata, "some.file"); });
  }
}

TEST(ModelInfo, RefusesBadFields) {
  const std::pair<const char*, const char*> spoilt[] = {
      {"arch", "resnet50"},    {"arch", ""},
      {"embedding_dim", "64"}, {"embedding_dim", "128.0"},
      {"head", "softmax"},     {"head", ""},
      {"input", ""},           {"input", "[]"},
      {"input", "null"},       {"input", "{}"},
      {"input", "{"},          {"crop", "[]"},
      {"crop", "{}"},          {"crop", "1"},
      {"metric", "euclid"},    {"threshold", "-1"},
      {"threshold", "near"},   {"threshold", "1e999"},
      {"threshold", "[]"},     {"threshold", "\"1\""},
      {"threshold_far", "-1"}, {"threshold_far", "x"},
      {"threshold", "1e39"},   {"far_table", "7"},
      {"far_table", "{"},      {"far_table", R"({"comparisons": 9, "points": []})"}};
  for (const auto& [field, value] : spoilt) {
    SCOPED_TRACE(std::string(field) + " = " + value);
    auto metadata = embed::to_metadata(unusual());
    metadata[field] = value;
    expect_error(ErrorCode::Format, {"some.file: ", std::string(field) + ": "},
                 [&] { embed::model_info_from_metadata(metadata, "some.file"); });
  }
}

/// Replaces `from`, which must be there, in one metadata value.
void refuse_edit(const char* field, const std::string& from, const std::string& to) {
  SCOPED_TRACE(from + " -> " + to);
  auto metadata = embed::to_metadata(unusual());
  std::string& text = metadata[field];
  const std::size_t where = text.find(from);
  ASSERT_NE(where, std::string::npos) << text;
  text.replace(where, from.size(), to);
  expect_error(ErrorCode::Format, {"some.file: "},
               [&] { embed::model_info_from_metadata(metadata, "some.file"); });
}

TEST(ModelInfo, RefusesBadInput) {
  for (const char* value : {"15", "1025", "-112", "0", "\"112\"", "null", "true", "[112]", "1e300",
                            "4294967408", "18446744073709551615", "112.5"}) {
    refuse_edit("input", "\"width\":112", std::string("\"width\":") + value);
  }
  for (const char* value : {"15", "1025", "-96", "4294967392", "96.5"}) {
    refuse_edit("input", "\"height\":96", std::string("\"height\":") + value);
  }
  for (const char* value : {"0", "2", "4", "-1", "3.5", "4294967299", "true"}) {
    refuse_edit("input", "\"channels\":3", std::string("\"channels\":") + value);
  }
  refuse_edit("input", "\"bgr\"", "\"gbr\"");
  refuse_edit("input", "\"bgr\"", "1");
  refuse_edit("input", "\"mean\":[", "\"mean\":[1e9,");
  refuse_edit("input", "\"mean\":[", "\"mean\":[[],");
  refuse_edit("input", "\"std\":[", "\"std\":[0,");
  refuse_edit("input", "\"std\":[", "\"std\":[-1,");
  refuse_edit("input", "\"std\":[", "\"std\":[\"1\",");
  refuse_edit("input", "\"std\"", "\"deviation\"");
}

TEST(ModelInfo, RefusesBadCrop) {
  refuse_edit("crop", "\"box\"", "\"ellipse\"");
  refuse_edit("crop", "\"box_scale\":", "\"box_scale\":-");
  refuse_edit("crop", "\"box_scale\":1", "\"box_scale\":11");
  refuse_edit("crop", "\"box_scale\":1", "\"box_scale\":true, \"x\":1");
  refuse_edit("crop", "\"box_shift\":[", "\"box_shift\":[3,");
  refuse_edit("crop", "\"box_shift\":[", "\"box_shift\":[],\"x\":[");
  refuse_edit("crop", "\"context\":1", "\"context\":5");
  refuse_edit("crop", "\"context\":1", "\"context\":0");
  refuse_edit("crop", "\"pad_right_bottom\":true", "\"pad_right_bottom\":1");
  refuse_edit("crop", "\"five_points\":[", "\"five_points\":[[0,0],");
  refuse_edit("crop", "\"five_points\":[[", "\"five_points\":[[9,");
  refuse_edit("crop", "\"five_points\":[[", "\"five_points\":[[\"a\",");
  refuse_edit("crop", "\"five_points\":[", "\"five_points\":[],\"x\":[");
}

TEST(InputSpec, ValidateNamesTheField) {
  const auto refuse = [](const char* field, auto&& spoil) {
    InputSpec input;
    spoil(input);
    expect_error(ErrorCode::InvalidArgument, {field, "expected"}, [&] { embed::validate(input); });
  };
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_NO_THROW(embed::validate(InputSpec{}));
  refuse("width", [](InputSpec& input) { input.width = 15; });
  refuse("height", [](InputSpec& input) { input.height = 1025; });
  refuse("channels", [](InputSpec& input) { input.channels = 2; });
  refuse("mean", [&](InputSpec& input) { input.mean[2] = nan; });
  refuse("std", [](InputSpec& input) { input.std[1] = 0; });
  refuse("std", [&](InputSpec& input) { input.std[0] = nan; });
  refuse("box_scale", [&](InputSpec& input) { input.crop.box_scale = nan; });
  refuse("box_shift", [&](InputSpec& input) { input.crop.box_shift_y = nan; });
  refuse("context", [&](InputSpec& input) { input.crop.context = nan; });
  refuse("five_points", [&](InputSpec& input) { input.crop.five_points[4].y = nan; });
}

void check_option(const embed::OptionSpec& option) {
  SCOPED_TRACE(option.name);
  const std::string name = option.name, value = option.default_value, choices = option.choices,
                    blurb = option.blurb;
  EXPECT_FALSE(name.empty());
  EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-"), std::string::npos);
  EXPECT_FALSE(blurb.empty());
  EXPECT_NE(blurb.back(), '.');
  EXPECT_EQ(blurb.find('\n'), std::string::npos);
  EXPECT_EQ(choices.empty(), option.type != embed::OptionType::Choice);
  switch (option.type) {
    case embed::OptionType::Choice:
      EXPECT_NE(("|" + choices + "|").find("|" + value + "|"), std::string::npos) << choices;
      break;
    case embed::OptionType::Int:
    case embed::OptionType::Double: {
      std::size_t used = 0;
      const double number = std::stod(value, &used);
      EXPECT_EQ(used, value.size());
      EXPECT_LT(option.minimum, option.maximum);
      EXPECT_GE(number, option.minimum);
      EXPECT_LE(number, option.maximum);
      EXPECT_TRUE(option.type == embed::OptionType::Double || number == std::floor(number));
      break;
    }
    case embed::OptionType::Bool:
      EXPECT_TRUE(value == "true" || value == "false") << value;
      break;
    case embed::OptionType::String:
      break;
  }
}

TEST(Options, EveryRowIsWellFormed) {
  std::string seen = "|";
  const auto check_all = [&](const auto& table) {
    for (const embed::OptionSpec& option : table) {
      check_option(option);
      EXPECT_EQ(seen.find(std::string("|") + option.name + "|"), std::string::npos)
          << "twice: " << option.name;
      seen += std::string(option.name) + "|";
    }
  };
  check_all(embed::kEmbedderOptions);
  check_all(embed::kMatchOptions);
  check_all(embed::kDetectorOptions);
  check_all(embed::kPictureOptions);
}

}  // namespace
