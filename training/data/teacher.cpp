// SPDX-License-Identifier: LGPL-2.1-or-later
#include "data/teacher.h"

#include <cmath>
#include <filesystem>
#include <iterator>
#include <nlohmann/json.hpp>

#include "base/read_file.h"
#include "embed/error.h"
#include "embed/preprocess.h"
#include "embed/safetensors.h"

namespace training {

namespace {

using embed::Error;
using embed::ErrorCode;
using Json = nlohmann::json;

constexpr std::uint64_t kLargestNetwork = std::uint64_t{1} << 30U;
constexpr std::uint64_t kLargestText = 1U << 20U;

std::string text_of(const Json& json, const char* field) {
  if (!json.at(field).is_string()) throw Error(ErrorCode::Format, "a text expected");
  return json.at(field).get<std::string>();
}

float number_of(const Json& json) {
  if (!json.is_number() || !(std::abs(json.get<double>()) <= 1e6))
    throw Error(ErrorCode::Format, "a number expected, not " + json.dump().substr(0, 40));
  return json.get<float>();
}

/// Runs `read` and turns whatever it throws into an Error(Format) that names file and field.
template <typename Function>
void read_field(const std::string& file, const char* field, Function&& read) {
  try {
    read();
  } catch (const Error& error) {
    throw Error(ErrorCode::Format, error.what(), file, field);
  } catch (const Json::exception& error) {
    throw Error(ErrorCode::Format, std::string("not what was expected: ") + error.what(), file, field);
  }
}

void read_numbers(const Json& json, const std::string& file, embed::InputSpec& input) {
  read_field(file, "size", [&] {
    const Json& size = json.at("size");
    if (!size.is_number_integer() || size.get<double>() < 16 || size.get<double>() > 1024)
      throw Error(ErrorCode::Format, "a whole number from 16 to 1024 expected");
    input.width = input.height = size.get<int>();
  });
  read_field(file, "order", [&] {
    const std::string order = text_of(json, "order");
    if (order != "rgb" && order != "bgr" && order != "grey")
      throw Error(ErrorCode::Format, "'rgb', 'bgr' or 'grey' expected, not '" + order + "'");
    input.channels = order == "grey" ? 1 : 3;
    input.bgr = order == "bgr";
  });
  read_field(file, "scale", [&] {
    const float scale = number_of(json.at("scale"));
    if (!(scale >= 1e-5F && scale <= 1e3F)) throw Error(ErrorCode::Format, "0.00001 to 1000 expected");
    input.std.fill(1 / (255 * scale));
  });
  read_field(file, "mean", [&] {
    const Json& mean = json.at("mean");
    if (!mean.is_array() || mean.size() != static_cast<std::size_t>(input.channels)) {
      throw Error(ErrorCode::Format,
                  "as many numbers as channels expected, " + std::to_string(input.channels));
    }
    for (std::size_t i = 0; i < 3; ++i) input.mean[i] = number_of(mean[i % mean.size()]) / 255;
  });
}

/// Without five points a picture is taken as a whole.
void read_cutting_rule(const Json& json, const std::string& file, embed::CropRule& crop) {
  crop.alignment = embed::Alignment::Whole;
  if (!json.contains("five_points")) return;
  crop.alignment = embed::Alignment::FivePoint;
  read_field(file, "five_points", [&] {
    const Json& points = json.at("five_points");
    if (!points.is_array() || points.size() != crop.five_points.size())
      throw Error(ErrorCode::Format, "five pairs of numbers expected");
    for (std::size_t i = 0; i < crop.five_points.size(); ++i)
      crop.five_points[i] = {number_of(points.at(i).at(0)), number_of(points.at(i).at(1))};
  });
}

const char* rule_name(const embed::InputSpec& input) {
  return embed::to_string(input.crop.alignment);
}

}  // namespace

TeacherInfo read_teacher_info(const std::string& network) {
  const std::vector<std::uint8_t> bytes = read_file(network, kLargestNetwork);
  const std::string file = std::filesystem::path(network).replace_extension(".json").string();
  if (!std::filesystem::exists(file)) {
    throw Error(ErrorCode::NotFound,
                "no such file; beside a teacher's network it says how a face is cut for it", file);
  }
  const std::vector<std::uint8_t> text = read_file(file, kLargestText);
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) throw Error(ErrorCode::Format, "a JSON object expected", file);
  TeacherInfo info;
  read_field(file, "name", [&] { info.name = text_of(json, "name"); });
  read_field(file, "terms", [&] { info.terms = text_of(json, "terms"); });
  read_field(file, "sha256", [&] { info.sha256 = text_of(json, "sha256"); });
  read_numbers(json, file, info.input);
  read_cutting_rule(json, file, info.input.crop);
  try {
    embed::validate(info.input);
  } catch (const Error& error) {
    throw Error(ErrorCode::Format, error.what(), file);
  }
  const std::string found = embed::sha256_hex(bytes.data(), bytes.size());
  if (found != info.sha256) {
    throw Error(ErrorCode::Mismatch, "is of another network: " + network + " has the checksum " + found, file,
                "sha256");
  }
  return info;
}

std::string teacher_text(const TeacherInfo& info) {
  return Json({{"name", info.name}, {"terms", info.terms}, {"sha256", info.sha256}}).dump();
}

TeacherCut::TeacherCut(const embed::InputSpec& student, const TeacherInfo& teacher,
                       const std::string& teacher_file)
    : student_(student), teacher_(teacher.input) {
  if (student.channels != teacher_.channels) {
    throw Error(ErrorCode::Mismatch,
                "takes pictures of " + std::to_string(teacher_.channels) + " channels, the data have " +
                    std::to_string(student.channels),
                teacher_file, "order");
  }
  if (student.crop.alignment != teacher_.crop.alignment) {
    throw Error(ErrorCode::Mismatch,
                std::string("takes pictures cut by the rule '") + rule_name(teacher_) +
                    "', the data were cut by '" + rule_name(student) + "'",
                teacher_file, "five_points");
  }
  region_.box = {0, 0, static_cast<float>(student.width), static_cast<float>(student.height)};
  embed::Landmarks landmarks;
  for (std::size_t i = 0; i < landmarks.size(); ++i) {
    // A picture that shows more than the rule says has its points nearer to its middle.
    const embed::Point& point = student.crop.five_points[i];
    landmarks[i] = {region_.box.width * ((point.x - 0.5F) / student.crop.context + 0.5F),
                    region_.box.height * ((point.y - 0.5F) / student.crop.context + 0.5F)};
  }
  region_.landmarks = landmarks;
}

std::size_t TeacherCut::bytes() const noexcept {
  return embed::crop_bytes(teacher_);
}

void TeacherCut::cut(const std::uint8_t* picture, std::uint8_t* out) const {
  embed::ImageView view;
  view.format = student_.channels == 1 ? embed::PixelFormat::Gray8 : embed::PixelFormat::Rgb;
  view.width = student_.width;
  view.height = student_.height;
  view.planes[0] = picture;
  view.strides[0] = static_cast<std::ptrdiff_t>(student_.width) * student_.channels;
  if (teacher_.crop.alignment == embed::Alignment::Whole) {
    embed::crop_whole(view, teacher_, out);
  } else {
    embed::crop_face(view, region_, teacher_, out);
  }
}

}  // namespace training
