// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <string>

namespace embed::gst {

/// What is sent to a broker. A value type.
struct Message {
  std::string topic;
  std::string key;  ///< The camera: Kafka keeps the order of messages with the same key. MQTT has none.
  std::string payload;
  bool retained = false;  ///< MQTT: the broker keeps it for who subscribes later.
};

/// A message as a record of a spool, and back. record_message throws Error(Format) for what is no record.
std::string message_record(const Message& message);
Message record_message(const std::string& record);

/// What became of lines so far. A value type.
struct PublishStats {
  std::uint64_t accepted = 0;   ///< Lines that were taken into the spool.
  std::uint64_t delivered = 0;  ///< Lines that the broker has confirmed; with QoS 0, that were sent.
  std::uint64_t dropped = 0;    ///< Lines for which there was no room, no disk, or with QoS 0 no broker.
  std::uint64_t refused = 0;    ///< Lines that the broker will never take, because they are too large for it.
  std::uint64_t resent = 0;     ///< Lines that were sent again, as a connection ended before the answer.
  std::uint64_t waiting = 0;    ///< Lines in the spool now.
  std::uint64_t spool_bytes = 0;
  std::uint64_t connections = 0;  ///< Times that the broker was reached.
  std::uint64_t failures = 0;     ///< Times that it was not, or was lost.
  bool connected = false;
};

}  // namespace embed::gst
