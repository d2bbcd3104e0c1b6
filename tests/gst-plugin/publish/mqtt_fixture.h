// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <set>
#include <string>

#include "broker.h"
#include "publish_support.h"

namespace publishtest {

/// What the tests of publishing to a mosquitto share.
class Mqtt : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!have_mosquitto()) GTEST_SKIP() << "no mosquitto";
  }
  static embed::gst::PublishOptions to(const Broker& broker, int qos = 1) {
    embed::gst::PublishOptions options;
    options.broker.address = broker.address();
    options.broker.client_id = "camera";
    options.broker.status_topic = "tripletembed/status/camera";
    options.broker.qos = qos;
    options.broker.max_reconnect_interval = 1;
    options.drain_timeout = std::chrono::seconds(30);
    return options;
  }
  /// The numbers of all events that were heard, each once.
  static std::set<int> numbers(const Listener& listener) {
    std::set<int> all;
    for (const auto& message : listener.heard()) {
      if (message.topic == "tripletembed/events/door") all.insert(number_of(message.payload));
    }
    return all;
  }
  static std::set<int> up_to(int count) {
    std::set<int> all;
    for (int i = 0; i < count; ++i) all.insert(i);
    return all;
  }
  /// Runs another of these tests in a process of its own, which kills itself.
  static void run_and_kill(const std::string& test, const embed::gst::PublishOptions& options) {
    setenv("PUBLISH_ADDRESS", options.broker.address.c_str(), 1);
    setenv("PUBLISH_SPOOL", options.spool.c_str(), 1);
    Program program({"/proc/self/exe", "--gtest_filter=" + test});
    program.end(0);
    unsetenv("PUBLISH_ADDRESS");
  }

  Warnings warnings_;
  embed::gst::Publisher publisher_{warnings_.take()};
};

/// Not tests, but what run_and_kill runs.
class Killed : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* address = std::getenv("PUBLISH_ADDRESS");
    if (address == nullptr) GTEST_SKIP() << "for other tests alone";
    embed::gst::PublishOptions options;
    options.broker.address = address;
    options.broker.client_id = "camera";
    options.broker.status_topic = "tripletembed/status/camera";
    options.spool = std::getenv("PUBLISH_SPOOL");
    publisher_.open(options);
  }
  embed::gst::Publisher publisher_{[](const std::string&) {}};
};

}  // namespace publishtest
