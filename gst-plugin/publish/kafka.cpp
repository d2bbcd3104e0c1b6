// SPDX-License-Identifier: LGPL-2.1-or-later
// Kafka by librdkafka.
#include <librdkafka/rdkafka.h>

#include <atomic>
#include <thread>
#include <utility>

#include "embed/error.h"
#include "publish/connection.h"

namespace embed::gst {
namespace {

using Conf = std::unique_ptr<rd_kafka_conf_t, void (*)(rd_kafka_conf_t*)>;

constexpr int kPollMilliseconds = 100;

bool is_secret(const std::string& name) {
  for (const char* word : {"password", "secret", "key", "jaas", "oauth", "pem"}) {
    if (name.find(word) != std::string::npos) return true;
  }
  return false;
}

/// What the library says of a value may hold the value.
void set(rd_kafka_conf_t* conf, const std::string& name, const std::string& value,
         const std::string& property) {
  char why[256] = "";
  const auto result = rd_kafka_conf_set(conf, name.c_str(), value.c_str(), why, sizeof why);
  if (result == RD_KAFKA_CONF_OK) return;
  std::string reason = result == RD_KAFKA_CONF_UNKNOWN ? "librdkafka has no setting of this name"
                       : is_secret(name)               ? "librdkafka does not take the value"
                                                       : why;
  throw Error(ErrorCode::InvalidArgument, property + ": " + name + ": " + reason);
}

Conf make_conf(const BrokerSettings& settings) {
  Conf conf(rd_kafka_conf_new(), rd_kafka_conf_destroy);
  rd_kafka_conf_set_log_cb(conf.get(), nullptr);
  const std::pair<const char*, std::string> ours[] = {
      {"bootstrap.servers", settings.address}, {"client.id", settings.client_id},
      {"enable.idempotence", "true"},          {"acks", "all"},
      {"sasl.username", settings.username},    {"sasl.password", settings.password},
      {"ssl.ca.location", settings.ca_file},   {"ssl.certificate.location", settings.cert_file},
      {"ssl.key.location", settings.key_file}};
  for (const auto& [name, value] : ours) {
    if (value.empty() || settings.options.count(name) != 0) continue;
    set(conf.get(), name, value, "method=kafka");
  }
  if (settings.insecure) set(conf.get(), "enable.ssl.certificate.verification", "false", "insecure");
  // acks below all are not for an idempotent producer: who asks for them does without.
  const auto acks = settings.options.find("acks");
  if (acks != settings.options.end() && acks->second != "all" && acks->second != "-1" &&
      settings.options.count("enable.idempotence") == 0)
    set(conf.get(), "enable.idempotence", "false", "options");
  for (const auto& [name, value] : settings.options) set(conf.get(), name, value, "options");
  return conf;
}

using Producer = std::unique_ptr<rd_kafka_t, void (*)(rd_kafka_t*)>;

Producer make_producer(Conf conf) {
  char why[512] = "";
  rd_kafka_t* made = rd_kafka_new(RD_KAFKA_PRODUCER, conf.get(), why, sizeof why);
  if (made == nullptr) throw Error(ErrorCode::InvalidArgument, std::string("options: ") + why);
  conf.release();
  return {made, rd_kafka_destroy};
}

bool is_refusal(rd_kafka_resp_err_t error) {
  return error == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE || error == RD_KAFKA_RESP_ERR_INVALID_MSG ||
         error == RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE || error == RD_KAFKA_RESP_ERR_INVALID_RECORD ||
         error == RD_KAFKA_RESP_ERR_POLICY_VIOLATION;
}

class Kafka : public Connection {
 public:
  Kafka(const BrokerSettings& settings, ConnectionListener& listener)
      : listener_(listener), producer_(nullptr, rd_kafka_destroy) {
    Conf conf = make_conf(settings);
    rd_kafka_conf_set_opaque(conf.get(), this);
    rd_kafka_conf_set_dr_msg_cb(conf.get(), on_report);
    rd_kafka_conf_set_error_cb(conf.get(), on_error);
    producer_ = make_producer(std::move(conf));
    poller_ = std::thread([this] {
      while (!ended_) rd_kafka_poll(producer_.get(), kPollMilliseconds);
    });
    listener_.connected();
  }
  ~Kafka() override {
    ended_ = true;
    poller_.join();
    rd_kafka_purge(producer_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  }

  bool send(std::uint64_t id, const Message& message) override {
    const auto error = rd_kafka_producev(
        producer_.get(), RD_KAFKA_V_TOPIC(message.topic.c_str()),
        RD_KAFKA_V_KEY(message.key.data(), message.key.size()),
        RD_KAFKA_V_VALUE(const_cast<char*>(message.payload.data()), message.payload.size()),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_OPAQUE(reinterpret_cast<void*>(static_cast<std::uintptr_t>(id))), RD_KAFKA_V_END);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return true;
    if (!is_refusal(error)) {
      if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) end(rd_kafka_err2str(error));
      return false;
    }
    listener_.refused(id, rd_kafka_err2str(error));
    return true;
  }

  void close(std::chrono::milliseconds most) override {
    rd_kafka_flush(producer_.get(), static_cast<int>(most.count()));
  }

 private:
  void end(const std::string& why) {
    if (!lost_.exchange(true) && !ended_) listener_.lost(why);
  }

  static void on_report(rd_kafka_t*, const rd_kafka_message_t* message, void* context) {
    auto* self = static_cast<Kafka*>(context);
    const auto id = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(message->_private));
    if (self->ended_ || self->lost_) return;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      self->listener_.delivered(id);
    } else if (is_refusal(message->err)) {
      self->listener_.refused(id, rd_kafka_err2str(message->err));
    } else {
      self->end(rd_kafka_err2str(message->err));
    }
  }
  static void on_error(rd_kafka_t* producer, int error, const char* why, void* context) {
    auto* self = static_cast<Kafka*>(context);
    char fatal[512] = "";
    if (rd_kafka_fatal_error(producer, fatal, sizeof fatal) != RD_KAFKA_RESP_ERR_NO_ERROR)
      return self->end(fatal);
    // The library goes on trying by itself.
    if (!self->ended_ && !self->lost_) self->listener_.troubled(why);
    (void)error;
  }

  ConnectionListener& listener_;
  Producer producer_;
  std::atomic<bool> ended_{false}, lost_{false};
  std::thread poller_;
};

}  // namespace

void check_kafka(const BrokerSettings& settings) {
  check_kafka_address(settings.address);
  check_readable(settings.ca_file, "ca-file");
  check_readable(settings.cert_file, "cert-file");
  check_readable(settings.key_file, "key-file");
  make_producer(make_conf(settings));
}

std::unique_ptr<Connection> connect_kafka(const BrokerSettings& settings, ConnectionListener& listener) {
  return std::make_unique<Kafka>(settings, listener);
}

}  // namespace embed::gst
