// SPDX-License-Identifier: LGPL-2.1-or-later
// In the place of mqtt.cpp in builds without its library.
#include "embed/error.h"
#include "publish/connection.h"

namespace embed::gst {

void check_mqtt(const BrokerSettings&) {
  throw Error(ErrorCode::Unsupported,
              "method: this build of the plugin cannot publish to MQTT, as it was made without "
              "the Paho C library (Debian's libpaho-mqtt-dev)");
}

std::unique_ptr<Connection> connect_mqtt(const BrokerSettings& settings, ConnectionListener&) {
  check_mqtt(settings);
  return nullptr;
}

}  // namespace embed::gst
