// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <map>
#include <string>

namespace embed::gst {

/// How a broker is reached. A value type. Fields are called as the element's properties.
struct BrokerSettings {
  std::string address;
  std::string topic = "tripletembed";
  std::string client_id;
  std::string username, password;
  int qos = 1;
  std::string ca_file, cert_file, key_file;
  bool insecure = false;
  int max_reconnect_interval = 30;  ///< Seconds.
  /// Kafka: librdkafka's settings, by its names.
  std::map<std::string, std::string> options;
  /// MQTT: where the broker says that this client is there or is not.
  std::string status_topic;
};

inline constexpr char kOnline[] = "online";
inline constexpr char kOffline[] = "offline";

/// A broker's host and port. A value type.
struct HostPort {
  std::string host;  ///< An IPv6 address without its brackets.
  int port = 0;
  bool tls = false;
};

/// `host`, `host:port`, `mqtt://host:port` or `mqtts://host:port`. The port is 1883 unless said, 8883 with
/// TLS. Throws Error(InvalidArgument) for anything else, and for a user or password within.
HostPort parse_mqtt_address(const std::string& address);
/// `host:port` or several of these with commas between them, for Kafka. Throws Error(InvalidArgument).
void check_kafka_address(const std::string& address);
/// Throws Error(NotFound | Io) that names the property where the file cannot be read; empty is no file.
void check_readable(const std::string& file, const char* property);
/// The first line of a file, without its end. Throws Error(NotFound | Io | InvalidArgument).
std::string read_password(const std::string& file);

}  // namespace embed::gst
