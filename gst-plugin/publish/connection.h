// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "publish/broker_settings.h"
#include "publish/message.h"

namespace embed::gst {

/// Is told what becomes of a connection, from its threads. It must not call the connection from there.
class ConnectionListener {
 public:
  ConnectionListener() = default;
  virtual ~ConnectionListener() = default;
  ConnectionListener(const ConnectionListener&) = delete;
  ConnectionListener& operator=(const ConnectionListener&) = delete;

  virtual void connected() = 0;
  /// The broker was not reached, did not let us in, or was lost. Nothing more comes of this connection.
  virtual void lost(const std::string& why) = 0;
  /// The broker is away for now; the connection goes on by itself.
  virtual void troubled(const std::string& why) = 0;
  virtual void delivered(std::uint64_t id) = 0;
  /// The broker will never take it.
  virtual void refused(std::uint64_t id, const std::string& why) = 0;
  /// A retained message of what watch() asked for.
  virtual void arrived(const std::string& topic, const std::string& payload) = 0;
};

/// One connection to a broker, from the attempt to its end; for the next attempt another one is made. It ends
/// at once where it is destroyed, and nothing is told after that. One thread at a time.
class Connection {
 public:
  Connection() = default;
  virtual ~Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Hands a message over; `id` comes back with what became of it. False where there is no room at present.
  virtual bool send(std::uint64_t id, const Message& message) = 0;
  /// MQTT: asks for the retained messages of these topics.
  virtual void watch(const std::string& filter) { (void)filter; }
  /// Says goodbye, so that the broker does not publish the last will.
  virtual void close(std::chrono::milliseconds most) = 0;
};

/// A way to publish: what this build knows to be wrong with the settings, and how to begin to connect. Both
/// throw Error(Unsupported) where the build was made without the library, and Error(InvalidArgument |
/// NotFound | Io) that names the property. `listener` is borrowed for the connection's life.
struct PublishMethod {
  const char* name;
  void (*check)(const BrokerSettings& settings);
  std::unique_ptr<Connection> (*connect)(const BrokerSettings& settings, ConnectionListener& listener);
};

void check_mqtt(const BrokerSettings& settings);
std::unique_ptr<Connection> connect_mqtt(const BrokerSettings& settings, ConnectionListener& listener);
void check_kafka(const BrokerSettings& settings);
std::unique_ptr<Connection> connect_kafka(const BrokerSettings& settings, ConnectionListener& listener);

inline constexpr PublishMethod kPublishMethods[] = {{"mqtt", check_mqtt, connect_mqtt},
                                                    {"kafka", check_kafka, connect_kafka}};

}  // namespace embed::gst
