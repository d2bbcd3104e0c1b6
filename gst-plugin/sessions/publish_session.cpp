// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sessions/publish_session.h"

#include <unistd.h>

#include <cstdlib>
#include <utility>

#include "embed/error.h"
#include "publish/topic_names.h"

namespace embed::gst {
namespace {

constexpr char kPasswordVariable[] = "TRIPLETEMBED_PUBLISH_PASSWORD";

std::string host_name() {
  char name[256] = "";
  if (gethostname(name, sizeof name - 1) != 0) return "localhost";
  return name;
}

std::vector<ElementOption> broker_options() {
  return {
      {{"method", OptionType::Choice, 0, 0, "mqtt", "mqtt|kafka", "How to publish"}, Takes::AtStart},
      {{"address", OptionType::String, 0, 0, "", "",
        "The broker: host:port, mqtt://host:port or mqtts://host:port (TLS); of Kafka the bootstrap servers"},
       Takes::AtStart},
      {{"topic", OptionType::String, 0, 0, "tripletembed", "",
        "What MQTT's topics begin with; Kafka's topic"},
       Takes::AtStart},
      {{"client-id", OptionType::String, 0, 0, "", "",
        "What the broker calls this client, which no other one may be called; unset takes the host's name "
        "with "
        "the camera's or the element's"},
       Takes::AtStart},
      {{"username", OptionType::String, 0, 0, "", "", "Whom the broker knows this client as"},
       Takes::AtStart},
      {{"password", OptionType::String, 0, 0, "", "",
        "The user's password, for applications: on a command line others see it. It cannot be read back"},
       Takes::AtStart,
       true},
      {{"password-file", OptionType::String, 0, 0, "", "",
        "A file whose first line is the password; with neither, the environment variable "
        "TRIPLETEMBED_PUBLISH_PASSWORD is taken"},
       Takes::AtStart},
      {{"qos", OptionType::Int, 0, 2, "1", "",
        "MQTT's quality of service: 0 at most once, 1 at least once, 2 exactly once while a connection "
        "lasts"},
       Takes::AtStart},
      {{"ca-file", OptionType::String, 0, 0, "", "",
        "Certificates (PEM) of whom to trust; unset takes the system's"},
       Takes::AtStart},
      {{"cert-file", OptionType::String, 0, 0, "", "", "This client's certificate (PEM)"}, Takes::AtStart},
      {{"key-file", OptionType::String, 0, 0, "", "", "The key of this client's certificate (PEM)"},
       Takes::AtStart},
      {{"insecure", OptionType::Bool, 0, 0, "false", "", "With TLS, take any certificate of the broker"},
       Takes::AtStart},
      {{"max-reconnect-interval", OptionType::Int, 1, 3600, "30", "",
        "Most seconds between two attempts to reach the broker"},
       Takes::AtStart}};
}

std::vector<ElementOption> spool_options() {
  return {{{"spool", OptionType::String, 0, 0, "", "",
            "A folder that keeps lines until the broker has them, also when the process ends; unset keeps "
            "them in "
            "memory"},
           Takes::AtStart},
          {{"spool-size", OptionType::Int, 1, 1048576, "64", "", "Most MiB of lines that are kept"},
           Takes::AtStart},
          {{"overflow", OptionType::Choice, 0, 0, "drop-new", "drop-new|drop-old",
            "What is dropped when the spool is full: the new line, or the oldest ones"},
           Takes::AtStart},
          {{"drain-timeout", OptionType::Double, 0, 3600, "5", "",
            "Most seconds that the end of the stream waits until the broker has all"},
           Takes::AtStart},
          {{"presence", OptionType::Bool, 0, 0, "true", "",
            "MQTT: tell in retained topics who is before the camera"},
           Takes::AtStart},
          {{"homeassistant", OptionType::Bool, 0, 0, "false", "",
            "MQTT: have Home Assistant find a sensor for each person"},
           Takes::AtStart}};
}

}  // namespace

const std::vector<ElementOption>& publish_options() {
  static const std::vector<ElementOption> options = [] {
    std::vector<ElementOption> all = broker_options();
    for (const ElementOption& option : spool_options()) all.push_back(option);
    for (const ElementOption& option : line_options("events", Takes::AtStart)) all.push_back(option);
    return all;
  }();
  return options;
}

PublishSettings PublishSettings::from(const OptionValues& values) {
  PublishSettings s;
  static_cast<LineSettings&>(s) = LineSettings::from(values);
  PublishOptions& p = s.publish;
  for (const PublishMethod& method : kPublishMethods) {
    if (values.text("method") == method.name) p.method = &method;
  }
  p.broker.address = values.text("address");
  p.broker.topic = values.text("topic");
  p.broker.client_id = values.text("client-id");
  p.broker.username = values.text("username");
  p.broker.password = values.text("password");
  p.broker.qos = values.integer("qos");
  p.broker.ca_file = values.text("ca-file");
  p.broker.cert_file = values.text("cert-file");
  p.broker.key_file = values.text("key-file");
  p.broker.insecure = values.flag("insecure");
  p.broker.max_reconnect_interval = values.integer("max-reconnect-interval");
  p.spool = values.text("spool");
  p.spool_bytes = static_cast<std::uint64_t>(values.integer("spool-size")) << 20U;
  p.overflow = values.text("overflow") == "drop-new" ? Overflow::DropNew : Overflow::DropOld;
  p.drain_timeout =
      std::chrono::milliseconds(static_cast<std::int64_t>(values.number("drain-timeout") * 1000));
  p.presence = values.flag("presence");
  p.homeassistant = values.flag("homeassistant");
  s.tell_events = p.is_mqtt() && p.presence;
  s.password_file = values.text("password-file");
  return s;
}

PublishOptions PublishSettings::complete(const std::string& element,
                                         std::map<std::string, std::string> options) const {
  PublishOptions all = publish;
  BrokerSettings& broker = all.broker;
  broker.options = std::move(options);
  if (!password_file.empty()) {
    if (!broker.password.empty())
      throw Error(ErrorCode::InvalidArgument, "password and password-file: expected one of them");
    broker.password = read_password(password_file);
  } else if (const char* secret = std::getenv(kPasswordVariable);
             broker.password.empty() && !broker.username.empty() && secret != nullptr) {
    broker.password = secret;
  }
  if (broker.client_id.empty())
    broker.client_id = "tripletembed-" + host_name() + "-" + topic_level(camera.empty() ? element : camera);
  broker.status_topic = broker.topic + "/status/" + topic_level(broker.client_id);
  return all;
}

void PublishSession::open(const PublishOptions& options) {
  publisher_.open(options);
  lines_.start();
}

void PublishSession::write(const FrameFacts& facts, const std::vector<Face>& faces,
                           const PublishSettings& settings) {
  publisher_.see_frame(facts.source, facts.time);
  lines_.write(facts, faces, settings);
}

void PublishSession::end(const PublishSettings& settings) {
  lines_.end(settings);
  publisher_.drain();
}

}  // namespace embed::gst
