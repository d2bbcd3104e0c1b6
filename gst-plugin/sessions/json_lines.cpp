// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sessions/json_lines.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "embed/utc_time.h"

namespace embed::gst {
namespace {

using Json = nlohmann::ordered_json;

// Six decimals: a float32 as people write it, not its binary expansion.
template <typename Number>
Json number(const std::optional<Number>& value) {
  if (!value || !std::isfinite(*value)) return nullptr;
  return std::round(static_cast<double>(*value) * 1e6) / 1e6;
}

// Six digits from the first that is not 0: rates may be tiny.
Json rate(const std::optional<double>& value) {
  if (!value || !std::isfinite(*value)) return nullptr;
  if (*value == 0) return 0.0;
  const double unit = std::pow(10, 5 - std::floor(std::log10(std::abs(*value))));
  return std::round(*value * unit) / unit;
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
          {"far", rate(identity.far)},
          {"nearest", text_or_null(identity.nearest)},
          {"runner_up", text_or_null(identity.runner_up)},
          {"runner_up_distance", number(identity.runner_up_distance)},
          {"reason", text_or_null(to_string(identity.reason))},
          {"stranger", text_or_null(identity.stranger)},
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

// Text that is not UTF-8 is repaired.
std::string text_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::vector<ElementOption> line_options(const char* lines, Takes camera_takes) {
  return {{{"lines", OptionType::Choice, 0, 0, lines, "frames|events|both",
            "What to write: a line for each frame, or for each event (who appeared, was named, was lost)"},
           Takes::AtOnce},
          {{"camera", OptionType::String, 0, 0, "", "",
            "What to call the stream in each line; unset takes the URI that it is read from"},
           camera_takes},
          {{"add-embedding", OptionType::Bool, 0, 0, "false", "",
            "Write the 128 values of each face too, in the lines of frames"},
           Takes::AtOnce}};
}

LineSettings LineSettings::from(const OptionValues& values) {
  LineSettings s;
  s.frames = values.text("lines") != "events";
  s.events = values.text("lines") != "frames";
  s.camera = values.text("camera");
  s.add_embedding = values.flag("add-embedding");
  return s;
}

std::string frame_to_json(const FrameFacts& facts, std::uint64_t frame, const std::vector<Face>& faces,
                          bool add_embedding) {
  Json line;
  line["timestamp"] = facts.timestamp ? Json(*facts.timestamp) : Json(nullptr);
  line["utc"] = utc_text(facts.time.utc);
  line["frame"] = frame;
  line["source"] = facts.source;
  line["resolution"] = {{"width", facts.width}, {"height", facts.height}};
  std::string text = text_of(line);
  // One object at a time: a tree of them all takes many times the memory of its text.
  text.replace(text.size() - 1, 1, ",\"objects\":[");
  for (std::size_t i = 0; i < faces.size(); ++i)
    text += (i > 0 ? "," : "") + text_of(face_to_json(faces[i], facts, add_embedding));
  return text + "]}";
}

std::string event_to_json(const PresenceEvent& event, const std::string& camera) {
  Json line = {{"event", to_string(event.change)}, {"camera", camera}};
  line["track"] = event.track != 0 ? Json(event.track) : Json(nullptr);
  line["label"] = event.label;
  line["label_id"] = event.label_id;
  if (event.change == PresenceChange::Renamed) line["previous-label"] = text_or_null(event.previous_label);
  line["distance"] = number(event.distance);
  line["threshold"] = number(event.threshold);
  line["quality"] = number(event.quality);
  line["running-time"] = event.at.running;
  line["utc"] = utc_text(event.at.utc);
  line["first-seen"] = event.first_seen.running;
  line["last-seen"] = event.last_seen.running;
  line["reason"] = text_or_null(event.reason);
  line["stranger"] = text_or_null(event.stranger);
  return text_of(line);
}

void JsonLines::start() {
  events_.end();
  frame_ = 0;
}

bool JsonLines::write_events(const std::vector<PresenceEvent>& events, bool lines) {
  for (const PresenceEvent& event : events) {
    const std::string text = lines ? event_to_json(event, camera_) : std::string();
    if (!output_.write({text, camera_, &event})) return false;
  }
  return true;
}

bool JsonLines::write(const FrameFacts& facts, const std::vector<Face>& faces, const LineSettings& settings) {
  camera_ = facts.source;
  const std::uint64_t frame = frame_++;
  if (settings.frames) {
    const std::string text = frame_to_json(facts, frame, faces, settings.add_embedding);
    if (!output_.write({text, camera_, nullptr})) return false;
  }
  if (!settings.events && !settings.tell_events) {
    events_.end();  // Nobody is told of who was there before they are wanted again.
    return true;
  }
  return write_events(events_.see(faces, facts.time), settings.events);
}

void JsonLines::end(const LineSettings& settings) {
  write_events(events_.end(), settings.events);
}

}  // namespace embed::gst
