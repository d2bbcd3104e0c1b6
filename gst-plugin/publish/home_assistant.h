// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

namespace embed::gst {

/// A binary sensor as Home Assistant's MQTT discovery is told of it.
struct Discovery {
  std::string topic;    ///< homeassistant/binary_sensor/…/config
  std::string payload;  ///< A JSON object.
};

/// What is said of a sensor. Borrowed for the call.
struct SensorFacts {
  const std::string& base;          ///< What the topics of this publisher begin with.
  const std::string& camera;        ///< As in the lines.
  const std::string& person;        ///< Empty: of people without a name.
  const std::string& state_topic;   ///< Says kPresent or kAbsent.
  const std::string& status_topic;  ///< Says kOnline or kOffline.
};

inline constexpr char kPresent[] = "present";
inline constexpr char kAbsent[] = "absent";

/// Ids depend on base, camera and person alone.
Discovery discover_sensor(const SensorFacts& facts);

}  // namespace embed::gst
