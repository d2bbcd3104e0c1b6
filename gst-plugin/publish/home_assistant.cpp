// SPDX-License-Identifier: LGPL-2.1-or-later
#include "publish/home_assistant.h"

#include <nlohmann/json.hpp>

#include "publish/broker_settings.h"
#include "publish/topic_names.h"

namespace embed::gst {
namespace {

using Json = nlohmann::ordered_json;

/// Home Assistant makes the attributes of a template, in which a name could be an expression: `{` and `}` are
/// written as JSON's escapes, which the template leaves alone.
std::string attributes_template(const std::string& camera, const std::string& person) {
  Json attributes = {{"camera", camera}};
  if (!person.empty()) attributes["person"] = person;
  const std::string text = attributes.dump(-1, ' ', true);
  std::string safe;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool outer = i == 0 || i + 1 == text.size();
    if (!outer && text[i] == '{') {
      safe += "\\u007b";
    } else if (!outer && text[i] == '}') {
      safe += "\\u007d";
    } else {
      safe += text[i];
    }
  }
  return safe;
}

}  // namespace

Discovery discover_sensor(const SensorFacts& facts) {
  const std::string camera = facts.camera.empty() ? "camera" : shown_name(facts.camera);
  const std::string person = shown_name(facts.person);
  const std::string device = "tripletembed_" + stable_id(facts.base + "\n" + facts.camera);
  const std::string sensor = facts.person.empty() ? "unknown" : "person_" + stable_id(facts.person);
  Json config = {{"name", facts.person.empty() ? "Unknown person" : person},
                 {"unique_id", device + "_" + sensor},
                 {"state_topic", facts.state_topic},
                 {"payload_on", kPresent},
                 {"payload_off", kAbsent},
                 {"device_class", "occupancy"},
                 {"availability_topic", facts.status_topic},
                 {"payload_available", kOnline},
                 {"payload_not_available", kOffline},
                 {"json_attributes_topic", facts.state_topic},
                 {"json_attributes_template", attributes_template(camera, person)},
                 {"qos", 1}};
  config["device"] = {{"identifiers", {device}},
                      {"name", camera},
                      {"manufacturer", "tripletembed"},
                      {"model", "tripletpublish"},
                      {"sw_version", TRIPLETEMBED_VERSION}};
  config["origin"] = {{"name", "tripletembed"}, {"sw_version", TRIPLETEMBED_VERSION}};
  return {"homeassistant/binary_sensor/" + device + "/" + sensor + "/config",
          config.dump(-1, ' ', false, Json::error_handler_t::replace)};
}

}  // namespace embed::gst
