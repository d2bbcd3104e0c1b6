// SPDX-License-Identifier: LGPL-2.1-or-later
// Lines to a mosquitto that is there, is not there yet, dies and hangs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <thread>

#include "mqtt_fixture.h"

namespace {

using namespace publishtest;
using embed::gst::Publisher;
using embed::gst::PublishOptions;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_F(Killed, Publishes300Events) {
  for (int i = 0; i < 300; ++i) publish(publisher_, i);
  raise(SIGKILL);
}

TEST_F(Mqtt, EveryQualityOfServiceArrivesInOrderAndOnce) {
  for (int qos = 0; qos <= 2; ++qos) {
    Broker broker;
    const Listener listener(broker);
    publisher_.open(to(broker, qos));
    for (int i = 0; i < 1000; ++i) publish(publisher_, i);
    EXPECT_TRUE(publisher_.drain());
    EXPECT_TRUE(soon([&] { return listener.count("events") == 1000; })) << listener.count("events");
    int next = 0;
    for (const auto& message : listener.heard()) {
      if (message.topic != "tripletembed/events/door") continue;
      EXPECT_EQ(number_of(message.payload), next++);
      EXPECT_FALSE(message.retained);
    }
    const auto stats = publisher_.stats();
    EXPECT_EQ(stats.accepted, 1000U);
    EXPECT_EQ(stats.delivered, 1000U);
    EXPECT_EQ(stats.dropped + stats.refused + stats.resent + stats.waiting, 0U);
    EXPECT_TRUE(stats.connected);
    publisher_.close();
    EXPECT_TRUE(soon([&] { return listener.last("tripletembed/status/camera") == "offline"; }));
  }
  EXPECT_THAT(warnings_.all(), ::testing::IsEmpty());
}

TEST_F(Mqtt, ABrokerThatComesLaterGetsAllThatWasPromised) {
  Broker broker;
  const Listener listener(broker);
  broker.end(SIGTERM);
  publisher_.open(to(broker));
  for (int i = 0; i < 500; ++i) publish(publisher_, i);
  EXPECT_TRUE(soon([&] { return publisher_.stats().failures >= 2; }));
  EXPECT_EQ(publisher_.stats().delivered, 0U);
  EXPECT_FALSE(publisher_.stats().connected);
  broker.start();
  EXPECT_TRUE(publisher_.drain());
  EXPECT_TRUE(soon([&] { return numbers(listener) == up_to(500); }));
  EXPECT_EQ(warnings_.count("no connection"), 1U) << "one warning however many attempts";
  EXPECT_EQ(warnings_.all().size(), 1U);
}

TEST_F(Mqtt, ABrokerThatDiesInTheMiddleLosesNothing) {
  for (const int qos : {1, 2}) {
    for (const int how : {SIGKILL, SIGTERM}) {
      Broker broker;
      const Listener listener(broker);
      publisher_.open(to(broker, qos));
      for (int i = 0; i < 3000; ++i) {
        publish(publisher_, i);
        if (i % 1000 == 500) {
          // More than before the last end of the broker: it is connected again.
          EXPECT_TRUE(
              soon([&] { return publisher_.stats().delivered + 400 > static_cast<std::uint64_t>(i); }));
          broker.end(how);
        }
        if (i % 1000 == 800) broker.start();
      }
      EXPECT_TRUE(publisher_.drain());
      // A broker that is killed forgets what it has accepted and not yet passed on; the last ones it still
      // has.
      const auto arrived = [&] {
        const std::set<int> got = numbers(listener);
        return how == SIGTERM ? got == up_to(3000) : got.count(2999) == 1;
      };
      EXPECT_TRUE(soon(arrived)) << numbers(listener).size() << " of 3000, qos " << qos << ", signal " << how;
      const auto stats = publisher_.stats();
      EXPECT_EQ(stats.accepted, 3000U);
      EXPECT_EQ(stats.delivered, 3000U);
      EXPECT_EQ(stats.dropped, 0U);
      EXPECT_GE(stats.connections, 4U);
      publisher_.close();
    }
  }
}

TEST_F(Mqtt, WhatAnEarlierRunCouldNotSendIsSentByTheNextOne) {
  Broker broker;
  const Listener listener(broker);
  broker.end(SIGTERM);
  PublishOptions options = to(broker);
  options.spool = new_spool();
  // A pipeline that is killed, one that is stopped, and one that finds the broker.
  run_and_kill("Killed.Publishes300Events", options);
  publisher_.open(options);
  for (int i = 300; i < 400; ++i) publish(publisher_, i);
  EXPECT_TRUE(soon([&] { return publisher_.stats().failures > 0; }));
  const auto before = std::chrono::steady_clock::now();
  EXPECT_FALSE(publisher_.drain());
  EXPECT_LT(std::chrono::steady_clock::now() - before, seconds(5)) << "all is on disk: nothing to wait for";
  publisher_.close();
  EXPECT_EQ(publisher_.stats().waiting, 400U);
  broker.start();
  publisher_.open(options);
  EXPECT_TRUE(publisher_.drain());
  EXPECT_TRUE(soon([&] { return numbers(listener) == up_to(400); }));
  EXPECT_EQ(publisher_.stats().dropped, 0U);
}

TEST_F(Mqtt, ALineThatIsLargerThanTheBrokerTakesHoldsNoOther) {
  Broker broker("allow_anonymous true\nmax_packet_size 100000\n");
  const Listener listener(broker);
  publisher_.open(to(broker));
  publish(publisher_, 0);
  publisher_.write({"{\"track\":2,\"x\":\"" + std::string(200'000, 'x') + "\"}", "door", nullptr});
  publish(publisher_, 1);
  EXPECT_TRUE(publisher_.drain());
  EXPECT_TRUE(soon([&] { return numbers(listener) == up_to(2); }));
  EXPECT_EQ(publisher_.stats().refused, 1U);
  EXPECT_EQ(publisher_.stats().delivered, 2U);
  EXPECT_EQ(publisher_.stats().dropped, 0U);
  EXPECT_EQ(warnings_.count("larger than the broker takes"), 1U);
}

/// Lets clients in and hangs up at the first message of each.
class Refuser {
 public:
  Refuser() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    listen(listener_, 1);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~Refuser() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }
  Refuser(const Refuser&) = delete;
  Refuser& operator=(const Refuser&) = delete;
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  void serve() const {
    for (int client = accept(listener_, nullptr, nullptr); client >= 0;
         client = accept(listener_, nullptr, nullptr)) {
      char bytes[4096];
      if (read(client, bytes, sizeof bytes) > 0 && write(client, "\x20\x02\0\0", 4) == 4)  // CONNACK
        static_cast<void>(read(client, bytes, sizeof bytes) > 0);
      close(client);
    }
  }
  int listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int port_ = 0;
  std::thread thread_;
};

TEST_F(Mqtt, ALargeLineIsNotGivenUpWhereTheBrokerTakesNoneAtAll) {
  const Refuser refuser;
  PublishOptions options;
  options.broker.address = refuser.address();
  options.broker.client_id = "camera";
  options.broker.status_topic = "tripletembed/status/camera";
  options.broker.max_reconnect_interval = 1;
  options.drain_timeout = milliseconds(10);
  publisher_.open(options);
  publisher_.write({"{\"x\":\"" + std::string(200'000, 'x') + "\"}", "door", nullptr});
  EXPECT_TRUE(soon([&] { return publisher_.stats().connections >= 8; })) << publisher_.stats().connections;
  EXPECT_EQ(publisher_.stats().refused, 0U);
  EXPECT_EQ(publisher_.stats().waiting, 1U);
}

TEST_F(Mqtt, ABrokerThatHangsHoldsNobody) {
  Broker broker;
  const Listener listener(broker);
  publisher_.open(to(broker));
  publish(publisher_, 0);
  EXPECT_TRUE(publisher_.drain());
  broker.signal(SIGSTOP);
  for (int i = 1; i < 5000; ++i) publish(publisher_, i);
  // Who waits for a socket does so until the library gives the broker up, which is a failure.
  EXPECT_EQ(publisher_.stats().failures, 0U);
  EXPECT_GT(publisher_.stats().waiting, 4000U);
  broker.signal(SIGCONT);
  EXPECT_TRUE(publisher_.drain());
  EXPECT_TRUE(soon([&] { return numbers(listener) == up_to(5000); }));
}

TEST_F(Mqtt, WithoutAPromiseLinesAreDroppedWhileTheBrokerIsAway) {
  Broker broker;
  const Listener listener(broker);
  publisher_.open(to(broker, 0));
  publish(publisher_, 0);
  EXPECT_TRUE(publisher_.drain());
  broker.end(SIGKILL);
  EXPECT_TRUE(soon([&] { return publisher_.stats().failures > 0; }));
  for (int i = 1; i < 101; ++i) publish(publisher_, i);
  EXPECT_EQ(publisher_.stats().dropped, 100U);
  EXPECT_EQ(warnings_.count("dropped while the broker is away (qos=0)"), 1U);
  broker.start();
  EXPECT_TRUE(soon([&] { return publisher_.stats().connected; }));
  publish(publisher_, 101);
  EXPECT_TRUE(publisher_.drain());
  EXPECT_TRUE(soon([&] { return numbers(listener) == (std::set<int>{0, 101}); }));
}

TEST_F(Mqtt, AFullSpoolDropsCountsAndWarnsOnce) {
  for (const bool disk : {false, true}) {
    Broker broker;
    const Listener listener(broker);
    broker.end(SIGTERM);
    Warnings warnings;
    Publisher publisher(warnings.take());
    PublishOptions options = to(broker);
    if (disk) options.spool = new_spool();
    options.spool_bytes = 100 << 10;
    publisher.open(options);
    for (int i = 0; i < 2000; ++i) publish(publisher, i);
    const auto stats = publisher.stats();
    EXPECT_EQ(stats.accepted + stats.dropped, 2000U);
    EXPECT_GT(stats.dropped, 1000U);
    EXPECT_EQ(warnings.count("the spool is full (spool-size, overflow)"), 1U);
    broker.start();
    EXPECT_TRUE(soon([&] { return publisher.stats().connected; }));
    EXPECT_TRUE(publisher.drain());
    EXPECT_TRUE(soon([&] { return numbers(listener) == up_to(static_cast<int>(stats.accepted)); }));
  }
}

TEST_F(Mqtt, ABurstOfEventsGoesThroughInFewMegabytes) {
  Broker broker;
  const Listener listener(broker);
  PublishOptions options = to(broker);
  options.spool = new_spool();
  publisher_.open(options);
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 2500; ++i) {
    publish(publisher_, i);
    std::this_thread::sleep_until(begin + milliseconds(2) * i);  // 500 a second.
  }
  EXPECT_TRUE(publisher_.drain());
  EXPECT_TRUE(soon([&] { return numbers(listener) == up_to(2500); }));
  EXPECT_LT(publisher_.stats().spool_bytes, std::uint64_t{16} << 20U);
  EXPECT_THAT(warnings_.all(), ::testing::IsEmpty());
}

TEST_F(Mqtt, TheEndWaitsNoLongerThanItSays) {
  Broker broker;
  publisher_.open([&] {
    PublishOptions options = to(broker);
    options.drain_timeout = milliseconds(3000);
    return options;
  }());
  publish(publisher_, 0);
  EXPECT_TRUE(publisher_.drain());
  broker.signal(SIGSTOP);
  publish(publisher_, 1);
  const auto before = std::chrono::steady_clock::now();
  EXPECT_FALSE(publisher_.drain());
  EXPECT_FALSE(publisher_.drain()) << "that has been waited for already";
  const auto waited = std::chrono::steady_clock::now() - before;
  EXPECT_GE(waited, milliseconds(3000));
  EXPECT_LT(waited, seconds(8));
  std::thread waiting([&] {
    publish(publisher_, 2);
    EXPECT_FALSE(publisher_.drain());
  });
  publisher_.cancel();
  waiting.join();
  publisher_.close();
  EXPECT_EQ(warnings_.count("2 lines are dropped: the broker has not taken them in time"), 1U);
  EXPECT_EQ(publisher_.stats().dropped, 2U);
}

std::size_t resident_kilobytes() {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);) {
    if (line.rfind("VmRSS:", 0) == 0) return std::stoul(line.substr(6));
  }
  return 0;
}

/// 500 events a second for an hour, as fast as they go; TRIPLETEMBED_EVENTS says how many.
TEST_F(Mqtt, AnHourOfEventsTakesNoMemory) {
  const char* wanted = std::getenv("TRIPLETEMBED_EVENTS");
  if (wanted == nullptr) GTEST_SKIP() << "a slow test";
  const int count = std::stoi(wanted);
  Broker broker("allow_anonymous true\nlog_type error\n");
  PublishOptions options = to(broker);
  options.spool = new_spool();
  options.drain_timeout = seconds(600);
  publisher_.open(options);
  std::size_t early = 0;
  for (int i = 0; i < count; ++i) {
    publish(publisher_, i);
    if (i % 1000 == 0) {
      while (publisher_.stats().waiting > 10000) std::this_thread::sleep_for(milliseconds(5));
    }
    if (i == count / 10) early = resident_kilobytes();
  }
  EXPECT_TRUE(publisher_.drain());
  EXPECT_EQ(publisher_.stats().delivered, static_cast<std::uint64_t>(count));
  EXPECT_EQ(publisher_.stats().dropped, 0U);
  const std::size_t late = resident_kilobytes();
  EXPECT_LT(late, early + 8192) << "from " << early << " kB after a tenth";
  std::cout << count << " events, " << early << " kB after a tenth of them, " << late << " kB in the end\n";
}

}  // namespace
