// SPDX-License-Identifier: LGPL-2.1-or-later
#include "publish/publisher.h"

#include <algorithm>
#include <utility>

#include "embed/address.h"
#include "embed/error.h"
#include "publish/home_assistant.h"
#include "publish/topic_names.h"

namespace embed::gst {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kTick{100};

}  // namespace

void check_options(const PublishOptions& options) {
  if (options.broker.address.empty())
    throw Error(ErrorCode::InvalidArgument,
                options.is_mqtt()
                    ? "address is not set: expected the broker's, such as localhost:1883"
                    : "address is not set: expected Kafka's bootstrap servers, such as localhost:9092");
  options.is_mqtt() ? check_mqtt_topic(options.broker.topic) : check_kafka_topic(options.broker.topic);
  if (options.homeassistant && !(options.is_mqtt() && options.presence))
    throw Error(ErrorCode::InvalidArgument, "homeassistant: expected method=mqtt and presence=true with it");
  options.method->check(options.broker);
}

Publisher::Publisher(std::function<void(const std::string&)> warn) : warn_(std::move(warn)) {}

Publisher::~Publisher() {
  close();
}

void Publisher::open(const PublishOptions& options) {
  close();
  check_options(options);
  options_ = options;
  const bool disk = !options_.spool.empty() && !options_.is_careless();
  auto spool = std::make_shared<Spool>(
      disk ? disk_store(options_.spool, options_.spool_bytes) : memory_store(options_.spool_bytes),
      options_.overflow);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    spool_ = std::move(spool);
    stats_ = {};
  }
  mail_.clear();
  work_ = stop_ = cancelled_ = away_ = told_dropped_ = gave_up_ = camera_known_ = up_ = false;
  topics_ = {};
  watched_.clear();
  if (options_.is_mqtt()) topics_.set(options_.broker.status_topic, kOnline);
  presence_.reset();
  if (options_.is_mqtt() && options_.presence) {
    presence_ = std::make_unique<PresenceTopics>(
        options_.broker.topic, options_.broker.status_topic, options_.homeassistant,
        [this](const std::string& topic, const std::string& payload) { set_topic(topic, payload); });
  }
  worker_ = std::thread([this] { run(); });
}

void Publisher::set_topic(const std::string& topic, const std::string& payload) {
  bool kept = false;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    kept = topics_.set(topic, payload);
    work_ = true;
  }
  wake_.notify_one();
  if (!kept) tell_dropped(0, "there are more than 10000 people: the presence of others is not published");
}

void Publisher::tell_dropped(std::uint64_t count, const std::string& why) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stats_.dropped += count;
    if (std::exchange(told_dropped_, true)) return;
  }
  warn_(why);
}

void Publisher::accept(const std::string& topic, const Line& line) {
  if (options_.is_careless()) {
    const bool away = [this] {
      const std::lock_guard<std::mutex> lock(mutex_);
      return away_;
    }();
    if (away)
      return tell_dropped(1, "lines are dropped while the broker is away (qos=0); 'stats' counts them");
  }
  const Spool::Added added = spool_->add({topic, line.camera, line.text, false});
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (added.accepted) ++stats_.accepted;
    work_ = true;
  }
  wake_.notify_one();
  if (added.dropped == 0) return;
  tell_dropped(added.dropped,
               added.trouble.empty()
                   ? "lines are dropped: the spool is full (spool-size, overflow); 'stats' counts them"
                   : "lines are dropped: " + added.trouble + "; 'stats' counts them");
}

bool Publisher::write(const Line& line) {
  if (!line.text.empty()) {
    const bool event = line.event != nullptr;
    accept(options_.is_mqtt()
               ? options_.broker.topic + (event ? "/events/" : "/frames/") + topic_level(line.camera)
               : options_.broker.topic,
           line);
  }
  if (line.event != nullptr && presence_) presence_->see(*line.event);
  return true;
}

void Publisher::see_frame(const std::string& camera, const PresenceTime& time) {
  if (!presence_) return;
  if (!camera_known_ || camera != camera_) {
    camera_ = camera;
    camera_known_ = true;
    presence_->begin(camera);
    const std::lock_guard<std::mutex> lock(mutex_);
    watched_ = PresenceTopics::filter(options_.broker.topic, camera);
  }
  presence_->tick(time.running);
}

bool Publisher::is_drained() const {
  return spool_->waiting() == 0 && [this] {
    const std::lock_guard<std::mutex> lock(mutex_);
    return !topics_.pending();
  }();
}

/// Nothing is gained by waiting: what is there is on disk, and nobody takes it.
bool Publisher::is_hopeless() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return away_ && (!options_.spool.empty() || options_.is_careless());
}

bool Publisher::drain() {
  if (!spool_) return true;
  const auto deadline = Clock::now() + options_.drain_timeout;
  if (gave_up_ && stats().accepted == accepted_when_given_up_) return is_drained();
  while (!is_drained()) {
    std::unique_lock<std::mutex> lock(mutex_);
    if (cancelled_) return false;
    if (Clock::now() >= deadline) break;
    drained_.wait_for(lock, kTick);
    lock.unlock();
    if (is_hopeless()) break;
  }
  gave_up_ = !is_drained();
  accepted_when_given_up_ = stats().accepted;
  return !gave_up_;
}

void Publisher::cancel() {
  const std::lock_guard<std::mutex> lock(mutex_);
  cancelled_ = true;
  drained_.notify_all();
}

void Publisher::resume() {
  const std::lock_guard<std::mutex> lock(mutex_);
  cancelled_ = false;
}

void Publisher::close() noexcept {
  if (!worker_.joinable()) return;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  worker_.join();
  const std::uint64_t left = spool_->waiting();
  if (left > 0 && (options_.spool.empty() || options_.is_careless())) {
    tell_dropped(left, std::to_string(left) +
                           " lines are dropped: the broker has not taken them in time "
                           "(drain-timeout), and there is no folder to keep them in (spool)");
  }
  presence_.reset();
  const std::lock_guard<std::mutex> lock(mutex_);
  stats_.waiting = options_.spool.empty() ? 0 : left;
  stats_.connected = false;
  spool_.reset();
}

PublishStats Publisher::stats() const {
  PublishStats stats;
  std::shared_ptr<Spool> spool;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stats = stats_;
    spool = spool_;
  }
  if (!spool) return stats;
  stats.waiting = spool->waiting();
  stats.spool_bytes = spool->bytes();
  return stats;
}

}  // namespace embed::gst
