// SPDX-License-Identifier: LGPL-2.1-or-later
// In the place of kafka.cpp in builds without its library.
#include "embed/error.h"
#include "publish/connection.h"

namespace embed::gst {

void check_kafka(const BrokerSettings&) {
  throw Error(ErrorCode::Unsupported,
              "method: this build of the plugin cannot publish to Kafka, as it was made without "
              "librdkafka (Debian's librdkafka-dev)");
}

std::unique_ptr<Connection> connect_kafka(const BrokerSettings& settings, ConnectionListener&) {
  check_kafka(settings);
  return nullptr;
}

}  // namespace embed::gst
