// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

namespace embed::gst {

/// A name as one level of an MQTT topic, at most 200 bytes of UTF-8. '/', '+', '#', '%', control characters
/// and bytes that are not UTF-8 become %XX, so that different names stay different and no name reaches into
/// another level. A longer name is cut, with a hash of all of it behind; an empty one becomes "%".
std::string topic_level(const std::string& name);

/// A name as Home Assistant takes it in an id: 16 hexadecimal digits, the same for the same name for ever.
std::string stable_id(const std::string& name);

/// A name for people to read, in UTF-8 and at most 200 bytes.
std::string shown_name(const std::string& name);

/// Throws Error(InvalidArgument) unless `topic` can be what MQTT's topics begin with: 1 to 1,024 bytes of
/// UTF-8 without wildcards and control characters, that neither begin nor end with '/', nor begin with '$'.
void check_mqtt_topic(const std::string& topic);
/// … what Kafka calls a topic: 1 to 249 letters, digits, '.', '_' and '-'.
void check_kafka_topic(const std::string& topic);

}  // namespace embed::gst
