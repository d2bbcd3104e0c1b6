// SPDX-License-Identifier: LGPL-2.1-or-later
// The thread of a Publisher, which alone has to do with the connection.
#include <algorithm>
#include <random>
#include <utility>

#include "embed/address.h"
#include "embed/error.h"
#include "publish/home_assistant.h"
#include "publish/publisher.h"

namespace embed::gst {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kFirstDelay{250};
constexpr milliseconds kTick{100};
constexpr milliseconds kGoodbye{1000};
// A connection that ends sooner is no sign of a broker that is well.
constexpr seconds kLasting{5};
constexpr seconds kBetweenWarnings{60};
constexpr seconds kBetweenSyncs{1};
// So much is sent ahead of the broker's answers.
constexpr std::uint64_t kWindow = 256;
constexpr std::uint64_t kWindowBytes = std::uint64_t{4} << 20U;
// MQTT 3.1.1 has no other answer to a message that is larger than the broker takes than to hang up. After so
// many connections that took no line the next one is sent alone, when the broker has confirmed all that is
// retained, and after so many more it is given up …
constexpr int kFruitless = 2;
constexpr int kFruitlessAlone = 3;
// … where it is larger than this. Known limits are 128 KiB and more.
constexpr std::size_t kLargeLine = std::size_t{64} << 10U;

/// A fifth more or less, so that not all who lost a broker come back to it at the same moment.
milliseconds about(milliseconds delay) {
  static thread_local std::minstd_rand random{std::random_device{}()};
  return milliseconds(
      std::uniform_int_distribution<milliseconds::rep>(delay.count() * 4 / 5, delay.count() * 6 / 5)(random));
}

}  // namespace

void Publisher::post(Mail mail) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    mail_.push_back(std::move(mail));
  }
  wake_.notify_one();
}

std::vector<Publisher::Mail> Publisher::wait() {
  std::unique_lock<std::mutex> lock(mutex_);
  wake_.wait_for(lock, kTick, [this] { return stop_ || work_ || !mail_.empty(); });
  work_ = false;
  return std::exchange(mail_, {});
}

void Publisher::run() {
  delay_ = kFirstDelay;
  fruitful_ = false;
  fruitless_ = 0;
  next_attempt_ = synced_ = Clock::now();
  warned_.reset();
  held_.reset();
  const auto stopping = [this] {
    const std::lock_guard<std::mutex> lock(mutex_);
    return stop_;
  };
  while (!stopping()) {
    for (const Mail& mail : wait()) {
      handle(mail);
      if (mail.kind == Mail::Kind::Lost) break;
    }
    if (!connection_ && Clock::now() >= next_attempt_) begin_connection();
    if (up_) pump();
    look_after_disk();
    drained_.notify_all();
  }
  say_goodbye();
  connection_.reset();
  spool_->save();
  spool_->sync();
}

void Publisher::handle(const Mail& mail) {
  switch (mail.kind) {
    case Mail::Kind::Connected:
      return on_connected();
    case Mail::Kind::Lost:
      return on_lost(mail.text);
    case Mail::Kind::Troubled:
      return on_troubled(mail.text);
    case Mail::Kind::Delivered:
      return on_delivered(mail.id);
    case Mail::Kind::Refused:
      if (!spool_->settle(mail.id)) return;
      {
        const std::lock_guard<std::mutex> lock(mutex_);
        ++stats_.refused;
      }
      return tell_dropped(0, "lines are refused by the broker: " + mail.text + "; 'stats' counts them");
    case Mail::Kind::Arrived:
      return on_arrived(mail.topic, mail.text);
  }
}

void Publisher::begin_connection() {
  try {
    connection_ = options_.method->connect(options_.broker, *this);
  } catch (const Error& error) {
    on_lost(error.what());
  }
}

void Publisher::on_connected() {
  up_ = true;
  up_since_ = Clock::now();
  fruitful_ = false;
  asked_for_.clear();
  const std::lock_guard<std::mutex> lock(mutex_);
  ++stats_.connections;
  stats_.connected = true;
  away_ = false;
}

void Publisher::on_lost(const std::string& why) {
  const bool was_up = std::exchange(up_, false);
  const bool short_lived = was_up && Clock::now() - up_since_ < kLasting;
  connection_.reset();
  if (was_up && !short_lived) delay_ = kFirstDelay;
  next_attempt_ = Clock::now() + about(delay_);
  delay_ = std::min<milliseconds>(delay_ * 2, seconds(options_.broker.max_reconnect_interval));
  held_.reset();
  if (was_up && options_.is_mqtt()) fruitless_ = fruitful_ || spool_->handed_out() == 0 ? 0 : fruitless_ + 1;
  const std::uint64_t again = options_.is_careless() ? 0 : spool_->rewind();
  const std::uint64_t lost = options_.is_careless() ? spool_->clear() : 0;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    mail_.clear();  // Of a connection that is no more.
    topics_.resend_all();
    stats_.resent += again;
    ++stats_.failures;
    stats_.connected = false;
    away_ = true;
  }
  if (fruitless_ >= kFruitless + kFruitlessAlone) give_up_large_line();
  if (lost > 0) tell_dropped(lost, "lines are dropped while the broker is away (qos=0); 'stats' counts them");
  tell_away((was_up ? "the broker was lost: " : "no connection: ") + why +
            (short_lived && options_.is_mqtt() ? " (does another client have the same client-id?)" : ""));
}

void Publisher::give_up_large_line() {
  const std::optional<Spool::Entry> first = spool_->next();
  const std::size_t size = first ? first->message.payload.size() : 0;
  if (size <= kLargeLine) {
    spool_->rewind();
    return;
  }
  spool_->settle(first->id);
  fruitless_ = 0;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++stats_.refused;
  }
  tell_dropped(0, "a line of " + std::to_string(size) +
                      " bytes is left out: the broker hangs up whenever it is sent, so it is larger than the "
                      "broker takes; 'stats' counts such lines as refused");
}

void Publisher::on_troubled(const std::string& why) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++stats_.failures;
    stats_.connected = false;
    away_ = true;
  }
  tell_away("no connection: " + why);
}

void Publisher::tell_away(const std::string& what) {
  if (warned_ && Clock::now() - *warned_ < kBetweenWarnings) return;
  warned_ = Clock::now();
  warn_(public_address(options_.broker.address) + ": " + what + "; it is tried again until it is there");
}

void Publisher::on_delivered(std::uint64_t id) {
  const bool line = spool_->settle(id);
  const std::lock_guard<std::mutex> lock(mutex_);
  if (line) ++stats_.delivered;
  fruitful_ = fruitful_ || line;
  topics_.delivered(id);
  if (stats_.connected) return;
  stats_.connected = true;
  away_ = false;
}

/// Whom an earlier run left as present, and who is not there now, is absent.
void Publisher::on_arrived(const std::string& topic, const std::string& payload) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (payload == kPresent && topics_.find(topic) == nullptr) topics_.set(topic, kAbsent);
}

void Publisher::pump() {
  const std::string watched = [this] {
    const std::lock_guard<std::mutex> lock(mutex_);
    return watched_;
  }();
  if (watched != asked_for_) {
    connection_->watch(watched);
    asked_for_ = watched;
  }
  if (!pump_retained()) return;
  if (is_suspicious()) {
    // A broker that takes nothing at all says nothing against a line.
    const std::lock_guard<std::mutex> lock(mutex_);
    if (topics_.pending()) return;
  }
  pump_lines();
}

bool Publisher::is_suspicious() const {
  return !fruitful_ && fruitless_ >= kFruitless;
}

bool Publisher::pump_retained() {
  while (true) {
    std::optional<std::pair<std::uint64_t, Message>> next;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (topics_.handed_out() >= kWindow) return true;
      next = topics_.next();
    }
    if (!next) return true;
    if (connection_->send(next->first, next->second)) continue;
    const std::lock_guard<std::mutex> lock(mutex_);
    topics_.resend(next->first);
    return false;
  }
}

void Publisher::pump_lines() {
  while (true) {
    if (!held_) {
      if (spool_->handed_out() >= (is_suspicious() ? 1 : kWindow) ||
          spool_->handed_out_bytes() >= kWindowBytes)
        return;
      held_ = spool_->next();
    }
    if (!held_ || !connection_->send(held_->id, held_->message)) return;
    held_.reset();
  }
}

void Publisher::look_after_disk() {
  spool_->save();
  if (Clock::now() - synced_ >= kBetweenSyncs) {
    synced_ = Clock::now();
    spool_->sync();
  }
  std::string why;
  const std::uint64_t damaged = spool_->take_damage(why);
  if (damaged > 0) tell_dropped(damaged, why);
}

void Publisher::say_goodbye() {
  if (!connection_ || !up_) return;
  if (options_.is_mqtt()) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      topics_.set(options_.broker.status_topic, kOffline);
    }
    const auto deadline = Clock::now() + kGoodbye;
    const auto waiting = [this] {
      const std::lock_guard<std::mutex> lock(mutex_);
      return topics_.pending();
    };
    while (up_ && waiting() && Clock::now() < deadline) {
      pump_retained();
      std::this_thread::sleep_for(milliseconds(5));
      std::vector<Mail> mails = [this] {
        const std::lock_guard<std::mutex> lock(mutex_);
        return std::exchange(mail_, {});
      }();
      for (const Mail& mail : mails) {
        if (mail.kind == Mail::Kind::Delivered) on_delivered(mail.id);
        if (mail.kind == Mail::Kind::Lost) up_ = false;
      }
    }
  }
  if (up_) connection_->close(kGoodbye);
}

}  // namespace embed::gst
