// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/model_info.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/names.h"
#include "embed/error.h"
#include "embed/safetensors.h"

namespace embed {

namespace {

using Json = nlohmann::json;

constexpr Names<Head, 3> kHeadNames{{{Head::Sigmoid, "sigmoid"}, {Head::Linear, "linear"}, {Head::L2, "l2"}}};
constexpr Names<Alignment, 3> kAlignmentNames{
    {{Alignment::Whole, "whole"}, {Alignment::Box, "box"}, {Alignment::FivePoint, "five-point"}}};

void require(bool condition, const char* field, const char* expected) {
  if (!condition) throw Error(ErrorCode::InvalidArgument, std::string(expected) + " expected", "", field);
}

Json to_json(const CropRule& crop) {
  Json points = Json::array();
  for (const Point& point : crop.five_points) points.push_back({point.x, point.y});
  return {{"alignment", to_string(crop.alignment)},
          {"box_scale", crop.box_scale},
          {"box_shift", {crop.box_shift_x, crop.box_shift_y}},
          {"pad_right_bottom", crop.pad_right_bottom},
          {"five_points", points},
          {"context", crop.context}};
}

Json to_json(const InputSpec& input) {
  return {{"width", input.width},       {"height", input.height},
          {"channels", input.channels}, {"order", input.channels == 1 ? "grey" : (input.bgr ? "bgr" : "rgb")},
          {"mean", input.mean},         {"std", input.std}};
}

/// A whole number that fits an int; unlike Json::get, neither truncates nor wraps.
int integer(const Json& json) {
  if (!json.is_number_integer() || json.get<double>() < -1e9 || json.get<double>() > 1e9) {
    throw Error(ErrorCode::InvalidArgument, "a whole number expected, not " + json.dump().substr(0, 40));
  }
  return json.get<int>();
}

/// A finite number within float's range; unlike Json::get, takes no booleans.
float number(const Json& json) {
  if (!json.is_number() || std::abs(json.get<double>()) > 1e30) {
    throw Error(ErrorCode::InvalidArgument, "a number expected, not " + json.dump().substr(0, 40));
  }
  return json.get<float>();
}

std::array<float, 3> three_numbers(const Json& json) {
  if (!json.is_array() || json.size() != 3) throw Error(ErrorCode::InvalidArgument, "three numbers expected");
  return {number(json[0]), number(json[1]), number(json[2])};
}

CropRule crop_from_json(const Json& json) {
  CropRule crop;
  crop.alignment = parse_alignment(json.at("alignment").get<std::string>());
  crop.box_scale = number(json.at("box_scale"));
  crop.box_shift_x = number(json.at("box_shift").at(0));
  crop.box_shift_y = number(json.at("box_shift").at(1));
  crop.pad_right_bottom = json.at("pad_right_bottom").get<bool>();
  const Json& points = json.at("five_points");
  if (points.size() != crop.five_points.size())
    throw Error(ErrorCode::InvalidArgument, "five_points: 5 expected");
  for (std::size_t i = 0; i < crop.five_points.size(); ++i) {
    crop.five_points[i] = {number(points.at(i).at(0)), number(points.at(i).at(1))};
  }
  crop.context = number(json.at("context"));
  return crop;
}

InputSpec input_from_json(const Json& json) {
  InputSpec input;
  input.width = integer(json.at("width"));
  input.height = integer(json.at("height"));
  input.channels = integer(json.at("channels"));
  const auto order = json.at("order").get<std::string>();
  if (order != "rgb" && order != "bgr" && order != "grey") {
    throw Error(ErrorCode::InvalidArgument, "order '" + order + "' is unknown; one of: rgb, bgr, grey");
  }
  input.bgr = order == "bgr";
  input.mean = three_numbers(json.at("mean"));
  input.std = three_numbers(json.at("std"));
  return input;
}

std::string number_text(float value) {
  return Json(value).dump();
}

/// Of a field that a weights file has to have. A tree of it is made: what is long is hostile.
Json parse_field(const std::map<std::string, std::string>& metadata, const std::string& key) {
  constexpr std::size_t kLongest = 1'000'000;
  const std::string& text = metadata.at(key);
  if (text.size() > kLongest)
    throw Error(ErrorCode::Format, "at most " + std::to_string(kLongest) + " bytes expected");
  return Json::parse(text);
}

std::optional<float> number_from(const std::map<std::string, std::string>& metadata, const std::string& key) {
  if (metadata.count(key) == 0) return std::nullopt;
  const float value = number(parse_field(metadata, key));
  if (value < 0) throw Error(ErrorCode::InvalidArgument, "a number ≥ 0 expected");
  return value;
}

std::string text_from(const std::map<std::string, std::string>& metadata, const std::string& key) {
  const auto found = metadata.find(key);
  return found == metadata.end() ? std::string() : found->second;
}

/// Runs `read` and turns whatever it throws into an Error(Format) that names file and field.
template <typename Function>
void read_field(const std::string& file, const char* field, Function&& read) {
  try {
    read();
  } catch (const Error& error) {
    throw Error(ErrorCode::Format, error.what(), file, field);
  } catch (const std::out_of_range&) {
    throw Error(ErrorCode::Format, "missing from the file's metadata", file, field);
  } catch (const Json::exception& error) {
    throw Error(ErrorCode::Format, std::string("not what was expected: ") + error.what(), file, field);
  }
}

}  // namespace

const char* to_string(Head head) noexcept {
  return name_of(kHeadNames, head);
}
Head parse_head(std::string_view name) {
  return value_of(kHeadNames, name, "head");
}
const char* to_string(Alignment alignment) noexcept {
  return name_of(kAlignmentNames, alignment);
}
Alignment parse_alignment(std::string_view name) {
  return value_of(kAlignmentNames, name, "alignment");
}

void validate(const InputSpec& input) {
  require(input.width >= 16 && input.width <= 1024, "width", "16 to 1024");
  require(input.height >= 16 && input.height <= 1024, "height", "16 to 1024");
  require(input.channels == 1 || input.channels == 3, "channels", "1 or 3");
  for (std::size_t c = 0; c < 3; ++c) {
    require(std::isfinite(input.mean[c]) && std::abs(input.mean[c]) <= 1000, "mean",
            "numbers from -1000 to 1000");
    require(std::isfinite(input.std[c]) && input.std[c] >= 1e-6F && input.std[c] <= 1000, "std",
            "numbers from 0.000001 to 1000");
  }
  const CropRule& crop = input.crop;
  require(crop.box_scale >= 0.1F && crop.box_scale <= 10, "box_scale", "0.1 to 10");
  require(std::abs(crop.box_shift_x) <= 2 && std::abs(crop.box_shift_y) <= 2, "box_shift", "-2 to 2");
  require(crop.context >= 0.5F && crop.context <= 4, "context", "0.5 to 4");
  for (const Point& point : crop.five_points) {
    require(point.x >= -1 && point.x <= 2 && point.y >= -1 && point.y <= 2, "five_points",
            "fractions from -1 to 2");
  }
}

std::string weights_sha256(const SafetensorsFile& file, const ModelInfo& info) {
  const std::map<std::string, std::string> metadata = to_metadata(info);
  std::string text;
  for (const char* key : {"arch", "head", "input", "crop"}) text += metadata.at(key) + '\n';
  for (const auto& [name, tensor] : file.tensors()) {
    text += name + ' ' + to_string(tensor.dtype) + ' ' + Json(tensor.shape).dump() + ' ' +
            file.sha256(tensor) + '\n';
  }
  return sha256_hex(text.data(), text.size());
}

std::map<std::string, std::string> to_metadata(const ModelInfo& info) {
  std::map<std::string, std::string> metadata = {
      {"arch", info.arch},
      {"embedding_dim", std::to_string(kEmbeddingDim)},
      {"head", to_string(info.head)},
      {"input", to_json(info.input).dump()},
      {"crop", to_json(info.input.crop).dump()},
      {"metric", to_string(info.metric)},
  };
  if (info.threshold) metadata["threshold"] = number_text(*info.threshold);
  if (info.threshold_far) metadata["threshold_far"] = number_text(*info.threshold_far);
  if (!info.far_table.empty()) metadata["far_table"] = info.far_table.to_json();
  if (!info.trained_on.empty()) metadata["trained_on"] = info.trained_on;
  if (!info.terms.empty()) metadata["terms"] = info.terms;
  if (!info.teacher.empty()) metadata["teacher"] = info.teacher;
  if (!info.recipe.empty()) metadata["recipe"] = info.recipe;
  if (!info.evaluation.empty()) metadata["evaluation"] = info.evaluation;
  return metadata;
}

ModelInfo model_info_from_metadata(const std::map<std::string, std::string>& metadata,
                                   const std::string& file) {
  ModelInfo info;
  read_field(file, "arch", [&] {
    info.arch = metadata.at("arch");
    if (info.arch != "resnet18_v2") {
      throw Error(ErrorCode::Format, "'" + info.arch + "', 'resnet18_v2' expected");
    }
  });
  read_field(file, "embedding_dim", [&] {
    if (metadata.at("embedding_dim") != std::to_string(kEmbeddingDim)) {
      throw Error(ErrorCode::Format, "'" + metadata.at("embedding_dim") + "', '128' expected");
    }
  });
  read_field(file, "head", [&] { info.head = parse_head(metadata.at("head")); });
  read_field(file, "input", [&] { info.input = input_from_json(parse_field(metadata, "input")); });
  read_field(file, "crop", [&] {
    info.input.crop = crop_from_json(parse_field(metadata, "crop"));
    validate(info.input);
  });
  read_field(file, "metric", [&] { info.metric = parse_metric(metadata.at("metric")); });
  read_field(file, "threshold", [&] { info.threshold = number_from(metadata, "threshold"); });
  read_field(file, "threshold_far", [&] { info.threshold_far = number_from(metadata, "threshold_far"); });
  read_field(file, "far_table", [&] {
    const std::string text = text_from(metadata, "far_table");
    if (!text.empty()) info.far_table = FarTable::from_json(text);
  });
  info.trained_on = text_from(metadata, "trained_on");
  info.terms = text_from(metadata, "terms");
  info.teacher = text_from(metadata, "teacher");
  info.recipe = text_from(metadata, "recipe");
  info.evaluation = text_from(metadata, "evaluation");
  return info;
}

}  // namespace embed
