// SPDX-License-Identifier: LGPL-2.1-or-later
// MQTT 3.1.1 by Eclipse Paho's C library.
#include <MQTTAsync.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <vector>

#include "embed/error.h"
#include "publish/connection.h"
#include "publish/topic_names.h"

namespace embed::gst {
namespace {

constexpr int kKeepAlive = 20;       // Seconds.
constexpr int kConnectTimeout = 10;  // Seconds.

std::string uri_of(const BrokerSettings& settings) {
  const HostPort at = parse_mqtt_address(settings.address);
  const bool six = at.host.find(':') != std::string::npos;
  return std::string(at.tls ? "ssl://" : "tcp://") + (six ? "[" + at.host + "]" : at.host) + ":" +
         std::to_string(at.port);
}

std::string reason_of(const MQTTAsync_failureData* data) {
  // The return codes of a CONNACK, MQTT 3.1.1, section 3.2.2.3.
  constexpr const char* kRefusals[] = {"",
                                       "the broker does not speak MQTT 3.1.1",
                                       "the broker refuses this client-id",
                                       "the broker says that it is not available",
                                       "the broker refuses this username and password",
                                       "the broker refuses this client (username, password-file)"};
  if (data == nullptr) return "unknown reason";
  if (data->code >= 1 && data->code <= 5) return kRefusals[data->code];
  return data->message != nullptr ? data->message : "it cannot be reached";
}

/// With its last client the library ends its threads, and starts them again with the next one: this client
/// is never connected and keeps them. Nobody destroys it.
void keep_library() {
  static const MQTTAsync keeper = [] {
    MQTTAsync client = nullptr;
    MQTTAsync_create(&client, "tcp://localhost:1883", "keeper", MQTTCLIENT_PERSISTENCE_NONE, nullptr);
    return client;
  }();
  (void)keeper;
}

/// The library calls back with its lock held, and takes that lock in most of its functions: so none of them
/// is called under a lock of ours.
class Mqtt : public Connection {
 public:
  Mqtt(const BrokerSettings& settings, ConnectionListener& listener)
      : settings_(settings), listener_(listener), uri_(uri_of(settings)) {
    keep_library();
    if (MQTTAsync_create(&client_, uri_.c_str(), settings_.client_id.c_str(), MQTTCLIENT_PERSISTENCE_NONE,
                         nullptr) != MQTTASYNC_SUCCESS)
      throw Error(ErrorCode::Io, "the MQTT library has no client for it");
    MQTTAsync_setCallbacks(client_, this, on_lost, on_message, nullptr);
    begin();
  }
  ~Mqtt() override {
    ended_ = true;
    // What waits in the library is given up, and told to callbacks that do not heed it any more.
    MQTTAsync_destroy(&client_);
  }

  bool send(std::uint64_t id, const Message& message) override {
    Sent* sent = take(id);
    MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
    response.context = sent;
    response.onSuccess = on_sent;
    response.onFailure = on_not_sent;
    // What is retained is to be right in the end, whatever is done with the lines.
    const int qos = message.retained ? std::max(settings_.qos, 1) : settings_.qos;
    const int status =
        MQTTAsync_send(client_, message.topic.c_str(), static_cast<int>(message.payload.size()),
                       message.payload.data(), qos, message.retained ? 1 : 0, &response);
    if (status == MQTTASYNC_SUCCESS) return true;
    give(sent);
    return false;
  }

  void watch(const std::string& filter) override {
    MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
    MQTTAsync_subscribe(client_, filter.c_str(), 1, &response);
  }

  void close(std::chrono::milliseconds most) override {
    MQTTAsync_disconnectOptions options = MQTTAsync_disconnectOptions_initializer;
    options.timeout = static_cast<int>(most.count());
    options.context = this;
    options.onSuccess = [](void* self, MQTTAsync_successData*) { static_cast<Mqtt*>(self)->said_goodbye(); };
    options.onFailure = [](void* self, MQTTAsync_failureData*) { static_cast<Mqtt*>(self)->said_goodbye(); };
    ended_ = true;
    if (MQTTAsync_disconnect(client_, &options) != MQTTASYNC_SUCCESS) return;
    std::unique_lock<std::mutex> lock(mutex_);
    goodbye_.wait_for(lock, most, [this] { return said_; });
  }

 private:
  /// A message that the library has.
  struct Sent {
    Mqtt* self = nullptr;
    std::uint64_t id = 0;
  };

  void begin() {
    MQTTAsync_willOptions will = MQTTAsync_willOptions_initializer;
    will.topicName = settings_.status_topic.c_str();
    will.message = kOffline;
    will.retained = 1;
    will.qos = 1;
    MQTTAsync_SSLOptions tls = MQTTAsync_SSLOptions_initializer;
    const auto or_none = [](const std::string& text) { return text.empty() ? nullptr : text.c_str(); };
    tls.trustStore = or_none(settings_.ca_file);
    tls.keyStore = or_none(settings_.cert_file);
    tls.privateKey = or_none(settings_.key_file);
    tls.enableServerCertAuth = tls.verify = settings_.insecure ? 0 : 1;
    tls.ssl_error_cb = on_tls_error;
    tls.ssl_error_context = this;
    MQTTAsync_connectOptions options = MQTTAsync_connectOptions_initializer;
    options.keepAliveInterval = kKeepAlive;
    options.connectTimeout = kConnectTimeout;
    options.cleansession = 1;
    options.MQTTVersion = MQTTVERSION_3_1_1;
    options.will = &will;
    options.ssl = uri_.rfind("ssl://", 0) == 0 ? &tls : nullptr;
    options.username = or_none(settings_.username);
    options.password = or_none(settings_.password);
    options.context = this;
    options.onSuccess = [](void* self, MQTTAsync_successData*) {
      if (!static_cast<Mqtt*>(self)->ended_) static_cast<Mqtt*>(self)->listener_.connected();
    };
    options.onFailure = [](void* self, MQTTAsync_failureData* data) {
      static_cast<Mqtt*>(self)->end(reason_of(data));
    };
    if (MQTTAsync_connect(client_, &options) != MQTTASYNC_SUCCESS) end("the MQTT library refuses to connect");
  }

  /// Tells once that this is over.
  void end(const std::string& why) {
    if (ended_.exchange(true)) return;
    std::string tls;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      tls = tls_error_;
    }
    listener_.lost(tls.empty() ? why : why + ": " + tls);
  }

  Sent* take(std::uint64_t id) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (free_.empty()) {
      all_.emplace_back();
      free_.push_back(&all_.back());
    }
    Sent* sent = free_.back();
    free_.pop_back();
    *sent = {this, id};
    return sent;
  }
  void give(Sent* sent) {
    const std::lock_guard<std::mutex> lock(mutex_);
    free_.push_back(sent);
  }
  void said_goodbye() {
    const std::lock_guard<std::mutex> lock(mutex_);
    said_ = true;
    goodbye_.notify_all();
  }

  static void on_sent(void* context, MQTTAsync_successData*) {
    auto* sent = static_cast<Sent*>(context);
    Mqtt* self = sent->self;
    const std::uint64_t id = sent->id;
    self->give(sent);
    if (!self->ended_) self->listener_.delivered(id);
  }
  static void on_not_sent(void* context, MQTTAsync_failureData* data) {
    auto* sent = static_cast<Sent*>(context);
    Mqtt* self = sent->self;
    self->give(sent);
    self->end("a message could not be sent: " + reason_of(data));
  }
  static void on_lost(void* self, char*) { static_cast<Mqtt*>(self)->end("the connection ended"); }
  static int on_message(void* context, char* topic, int topic_size, MQTTAsync_message* message) {
    auto* self = static_cast<Mqtt*>(context);
    // A topic with a NUL in it has a size, others have none.
    const std::string name =
        topic_size > 0 ? std::string(topic, static_cast<std::size_t>(topic_size)) : topic;
    const std::string payload(static_cast<const char*>(message->payload),
                              static_cast<std::size_t>(message->payloadlen));
    if (message->retained != 0 && !self->ended_) self->listener_.arrived(name, payload);
    MQTTAsync_freeMessage(&message);
    MQTTAsync_free(topic);
    return 1;
  }
  static int on_tls_error(const char* text, size_t size, void* context) {
    auto* self = static_cast<Mqtt*>(context);
    std::string line(text, size);
    while (!line.empty() && (line.back() == '\n' || line.back() == '\0')) line.pop_back();
    const std::lock_guard<std::mutex> lock(self->mutex_);
    if (self->tls_error_.empty()) self->tls_error_ = shown_name(line);
    return 0;
  }

  const BrokerSettings settings_;  // The library keeps pointers into it.
  ConnectionListener& listener_;
  const std::string uri_;
  MQTTAsync client_ = nullptr;
  std::atomic<bool> ended_{false};

  std::mutex mutex_;
  std::condition_variable goodbye_;
  bool said_ = false;
  std::string tls_error_;
  std::deque<Sent> all_;
  std::vector<Sent*> free_;
};

}  // namespace

void check_mqtt(const BrokerSettings& settings) {
  parse_mqtt_address(settings.address);
  if (!settings.options.empty())
    throw Error(ErrorCode::InvalidArgument, "options: expected with method=kafka alone");
  if (settings.username.empty() && !settings.password.empty())
    throw Error(ErrorCode::InvalidArgument, "username: expected one with a password");
  if (settings.cert_file.empty() != settings.key_file.empty())
    throw Error(ErrorCode::InvalidArgument, "cert-file and key-file: expected both or neither");
  const bool tls_wanted = !settings.ca_file.empty() || !settings.cert_file.empty() || settings.insecure;
  if (tls_wanted && !parse_mqtt_address(settings.address).tls)
    throw Error(ErrorCode::InvalidArgument,
                "address: expected mqtts://host:port with ca-file, cert-file or insecure");
  check_readable(settings.ca_file, "ca-file");
  check_readable(settings.cert_file, "cert-file");
  check_readable(settings.key_file, "key-file");
}

std::unique_ptr<Connection> connect_mqtt(const BrokerSettings& settings, ConnectionListener& listener) {
  return std::make_unique<Mqtt>(settings, listener);
}

}  // namespace embed::gst
