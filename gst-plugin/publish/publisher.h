// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "publish/connection.h"
#include "publish/presence_topics.h"
#include "publish/retained_topics.h"
#include "publish/spool.h"
#include "sinks/line_output.h"

namespace embed::gst {

/// What is published, how, and what is done where that is not possible. A value type. Fields are called as
/// the element's properties.
struct PublishOptions {
  const PublishMethod* method = &kPublishMethods[0];
  BrokerSettings broker;
  std::string spool;  ///< A folder; empty: in memory.
  std::uint64_t spool_bytes = std::uint64_t{64} << 20U;
  Overflow overflow = Overflow::DropNew;
  bool presence = true;  ///< MQTT: tell who is there in retained topics.
  bool homeassistant = false;
  std::chrono::milliseconds drain_timeout{5000};

  bool is_mqtt() const { return method == &kPublishMethods[0]; }
  /// Whether lines are dropped while there is no connection.
  bool is_careless() const { return is_mqtt() && broker.qos == 0; }
};

/// Throws Error(InvalidArgument | NotFound | Io | Unsupported) that names the property.
void check_options(const PublishOptions& options);

/// Sends lines to a broker from a thread of its own, and reconnects to it for as long as it takes. One thread
/// calls it, but for cancel() and stats(), which are for any.
class Publisher : public LineOutput, private ConnectionListener {
 public:
  /// `warn` is told, once of each kind, what a user ought to know; by any thread and without a lock.
  explicit Publisher(std::function<void(const std::string&)> warn);
  ~Publisher() override;

  /// Opens the spool and begins to connect. Throws what check_options throws, and Error(Io) for the spool.
  void open(const PublishOptions& options);
  /// Takes the line; always true. Waits for no network: where there is no room it does what `overflow` says.
  bool write(const Line& line) override;
  /// The time of a frame, and whose it is.
  void see_frame(const std::string& camera, const PresenceTime& time);
  /// Waits until all is delivered, `drain_timeout` at most; not where all is on disk and the broker is away.
  /// False when it was cancelled, or something is left.
  bool drain();
  /// Ends a drain() that waits, and later ones, until resume().
  void cancel();
  void resume();
  /// Says goodbye to the broker and ends. What is not delivered stays on disk, or is dropped.
  void close() noexcept;
  PublishStats stats() const;

 private:
  using Clock = std::chrono::steady_clock;
  /// What a connection told, for the worker.
  struct Mail {
    enum class Kind { Connected, Lost, Troubled, Delivered, Refused, Arrived } kind;
    std::uint64_t id = 0;
    std::string topic, text;
  };

  void connected() override { post({Mail::Kind::Connected, 0, {}, {}}); }
  void lost(const std::string& why) override { post({Mail::Kind::Lost, 0, {}, why}); }
  void troubled(const std::string& why) override { post({Mail::Kind::Troubled, 0, {}, why}); }
  void delivered(std::uint64_t id) override { post({Mail::Kind::Delivered, id, {}, {}}); }
  void refused(std::uint64_t id, const std::string& why) override {
    post({Mail::Kind::Refused, id, {}, why});
  }
  void arrived(const std::string& topic, const std::string& payload) override {
    post({Mail::Kind::Arrived, 0, topic, payload});
  }
  void post(Mail mail);

  void run();
  std::vector<Mail> wait();
  void handle(const Mail& mail);
  void on_connected();
  void on_lost(const std::string& why);
  void give_up_large_line();
  bool is_suspicious() const;
  void on_troubled(const std::string& why);
  void on_delivered(std::uint64_t id);
  void on_arrived(const std::string& topic, const std::string& payload);
  void begin_connection();
  void pump();
  bool pump_retained();
  void pump_lines();
  void look_after_disk();
  void say_goodbye();
  void tell_away(const std::string& what);
  bool is_drained() const;
  bool is_hopeless() const;

  void accept(const std::string& topic, const Line& line);
  void set_topic(const std::string& topic, const std::string& payload);
  void tell_dropped(std::uint64_t count, const std::string& why);

  const std::function<void(const std::string&)> warn_;
  PublishOptions options_;
  std::shared_ptr<Spool> spool_;  // Changed under the mutex.
  std::thread worker_;

  // Of the thread that writes.
  std::unique_ptr<PresenceTopics> presence_;
  std::string camera_;
  bool camera_known_ = false;
  std::uint64_t accepted_when_given_up_ = 0;  // Of a drain() that ran out of time.
  bool gave_up_ = false;

  // Guarded by the mutex. The spool has a lock of its own, which is never asked for under this one.
  mutable std::mutex mutex_;
  std::condition_variable wake_, drained_;
  std::vector<Mail> mail_;
  bool work_ = false, stop_ = false, cancelled_ = false;
  bool away_ = false;  // The last attempt failed, and there was none that worked since.
  RetainedTopics topics_;
  std::string watched_;  // The filter of the topics of people who are there.
  PublishStats stats_;
  bool told_dropped_ = false;

  // Of the worker.
  std::unique_ptr<Connection> connection_;
  bool up_ = false;
  bool fruitful_ = false;  // This connection, or the last one, has taken a line.
  int fruitless_ = 0;      // So many in a row were lost that took none of those sent.
  std::string asked_for_;  // Of watched_, on this connection.
  std::optional<Spool::Entry> held_;
  Clock::time_point next_attempt_, up_since_, synced_;
  std::chrono::milliseconds delay_{0};
  std::optional<Clock::time_point> warned_;
};

}  // namespace embed::gst
