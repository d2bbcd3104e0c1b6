// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sessions/json_session.h"

#include <cmath>
#include <nlohmann/json.hpp>

namespace embed::gst {
namespace {

using Json = nlohmann::ordered_json;

constexpr OptionSpec kOptions[] = {
    {"location", OptionType::String, 0, 0, "-", "", "File or named pipe to write to; - is standard output"},
    {"source", OptionType::String, 0, 0, "", "",
     "What to call the stream in each line; unset takes the URI that it is read from"},
    {"add-embedding", OptionType::Bool, 0, 0, "false", "", "Write the 128 values of each face too"},
};

// Six decimals: a float32 as people write it, not its binary expansion.
template <typename Number>
Json number(const std::optional<Number>& value) {
  if (!value || !std::isfinite(*value)) return nullptr;
  return std::round(static_cast<double>(*value) * 1e6) / 1e6;
}

Json text_or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

Json fraction(std::int64_t value, int whole) {
  if (whole <= 0) return nullptr;
  return number(std::optional<double>(static_cast<double>(value) / whole));
}

Json identity_to_json(const Identity& identity) {
  return {{"label", identity.label},
          {"label_id", identity.label_id},
          {"distance", number(identity.distance)},
          {"threshold", number(identity.threshold)},
          {"nearest", text_or_null(identity.nearest)},
          {"runner_up", text_or_null(identity.runner_up)},
          {"runner_up_distance", number(identity.runner_up_distance)},
          {"reason", text_or_null(to_string(identity.reason))},
          {"predicted", identity.predicted}};
}

Json face_to_json(const Face& face, const FrameFacts& facts, bool add_embedding) {
  const PixelRect& box = face.box;
  Json object = {{"id", face.id},  {"x", box.x},      {"y", box.y},
                 {"w", box.width}, {"h", box.height}, {"roi_type", face.type}};
  object["detection"] = {{"confidence", number(face.confidence)},
                         {"predicted", face.predicted},
                         {"bounding_box",
                          {{"x_min", fraction(box.x, facts.width)},
                           {"y_min", fraction(box.y, facts.height)},
                           {"x_max", fraction(box.x + box.width, facts.width)},
                           {"y_max", fraction(box.y + box.height, facts.height)}}}};
  if (face.track != 0) object["track"] = face.track;
  if (!face.identity) return object;
  if (face.identity->quality) object["quality"] = number(face.identity->quality);
  object["identity"] = identity_to_json(*face.identity);
  if (add_embedding && face.identity->embedding) object["embedding"] = *face.identity->embedding;
  return object;
}

}  // namespace

const std::vector<ElementOption>& json_options() {
  static const std::vector<ElementOption> options = {
      {kOptions[0], Takes::AtStart}, {kOptions[1], Takes::AtOnce}, {kOptions[2], Takes::AtOnce}};
  return options;
}

JsonSettings JsonSettings::from(const OptionValues& values) {
  return {values.text("location"), values.text("source"), values.flag("add-embedding")};
}

std::string frame_to_json(const FrameFacts& facts, std::uint64_t frame, const std::vector<Face>& faces,
                          bool add_embedding) {
  Json line;
  line["timestamp"] = facts.timestamp ? Json(*facts.timestamp) : Json(nullptr);
  line["frame"] = frame;
  line["source"] = facts.source;
  line["resolution"] = {{"width", facts.width}, {"height", facts.height}};
  const auto text_of = [](const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
  };
  std::string text = text_of(line);
  // One object at a time: a tree of them all takes many times the memory of its text.
  text.replace(text.size() - 1, 1, ",\"objects\":[");
  for (std::size_t i = 0; i < faces.size(); ++i)
    text += (i > 0 ? "," : "") + text_of(face_to_json(faces[i], facts, add_embedding));
  return text + "]}";
}

void JsonSession::open(const JsonSettings& settings) {
  writer_.reset();
  writer_.open(settings.location);
  frame_ = 0;
}

bool JsonSession::write(const FrameFacts& facts, const std::vector<Face>& faces, bool add_embedding) {
  return writer_.write(frame_to_json(facts, frame_++, faces, add_embedding));
}

}  // namespace embed::gst
