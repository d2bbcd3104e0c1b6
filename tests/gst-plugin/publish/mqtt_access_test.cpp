// SPDX-License-Identifier: LGPL-2.1-or-later
// Whom a mosquitto lets in, and what it tells of who is there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "mqtt_fixture.h"

namespace {

using namespace publishtest;
using embed::gst::Publisher;
using embed::gst::PublishOptions;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_F(Killed, SaysThatAdaIsThere) {
  const std::string camera = "door";
  publisher_.see_frame(camera, {});
  embed::PresenceEvent event;
  event.change = embed::PresenceChange::Named;
  event.label = "Ada";
  event.named = true;
  publisher_.write({"", camera, &event});
  publisher_.drain();
  raise(SIGKILL);
}

TEST_F(Mqtt, ABrokerThatRefusesThePasswordIsToldOnceAndNotThePassword) {
  Broker broker("allow_anonymous false\npassword_file " + password_file("camera", "right") + "\n");
  PublishOptions options = to(broker);
  options.broker.username = "camera";
  options.broker.password = "wr0ng-s3cret";
  publisher_.open(options);
  publish(publisher_, 0);
  EXPECT_TRUE(soon([&] { return publisher_.stats().failures >= 2; }));
  EXPECT_EQ(warnings_.all().size(), 1U);
  EXPECT_EQ(warnings_.count("username"), 1U) << warnings_.all().at(0);
  EXPECT_EQ(warnings_.count("s3cret"), 0U);
  EXPECT_EQ(publisher_.stats().connections, 0U);
  publisher_.close();
  const Listener listener(broker, {"-u", "camera", "-P", "right"});
  options.broker.password = "right";
  publisher_.open(options);
  publish(publisher_, 1);
  EXPECT_TRUE(publisher_.drain());
  EXPECT_TRUE(soon([&] { return listener.count("events") == 1; }));
}

TEST_F(Mqtt, WhoIsThereIsRetainedAlsoByABrokerThatForgot) {
  Broker broker;
  const Listener listener(broker);
  PublishOptions options = to(broker);
  options.homeassistant = true;
  publisher_.open(options);
  const std::string camera = "door";
  publisher_.see_frame(camera, {});
  const auto tell = [&](embed::PresenceChange change) {
    embed::PresenceEvent event;
    event.change = change;
    event.track = 1;
    event.label = "Ada/王";
    event.named = true;
    publisher_.write({"", camera, &event});
  };
  tell(embed::PresenceChange::Named);
  EXPECT_TRUE(publisher_.drain());
  const std::string topic = "tripletembed/presence/door/Ada%2F王";
  EXPECT_TRUE(soon([&] { return listener.last(topic) == "present"; }));
  EXPECT_EQ(listener.last("tripletembed/status/camera"), "online");
  EXPECT_EQ(listener.count("homeassistant/binary_sensor/"), 2U) << "of the person, and of unknown people";
  // One that starts with nothing: what it is told anew is there for who subscribes later.
  broker.end(SIGKILL);
  std::remove((broker.folder() + "/mosquitto.db").c_str());
  broker.start();
  EXPECT_TRUE(soon([&] { return publisher_.stats().connections == 2; }));
  EXPECT_TRUE(publisher_.drain());
  const Listener later(broker);
  EXPECT_TRUE(soon([&] { return later.last(topic) == "present"; }));
  for (const auto& message : later.heard()) EXPECT_TRUE(message.retained) << message.topic;
  EXPECT_TRUE(soon([&] { return later.count("homeassistant/binary_sensor/") == 2; }));
  tell(embed::PresenceChange::Lost);
  EXPECT_TRUE(soon([&] { return later.last(topic) == "absent"; }));
}

TEST_F(Mqtt, WhoWasThereWhenAnEarlierRunWasKilledIsAbsentAfterAStart) {
  Broker broker;
  const PublishOptions options = to(broker);
  const std::string camera = "door", topic = "tripletembed/presence/door/Ada";
  run_and_kill("Killed.SaysThatAdaIsThere", options);
  const Listener listener(broker);
  EXPECT_TRUE(soon([&] { return listener.last("tripletembed/status/camera") == "offline"; }))
      << "the last will";
  EXPECT_TRUE(soon([&] { return listener.last(topic) == "present"; }));
  publisher_.open(options);
  publisher_.see_frame(camera, {});
  EXPECT_TRUE(soon([&] { return listener.last(topic) == "absent"; }));
  EXPECT_EQ(listener.last("tripletembed/status/camera"), "online");
}

/// A certificate authority, a broker's certificate for 127.0.0.1, and a client's, by openssl's command line.
void make_certificates(const std::string& folder) {
  const std::string script =
      "cd '" + folder +
      "' && openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.pem "
      "&& "
      "for who in broker client; do openssl req -newkey rsa:2048 -nodes -subj /CN=$who -keyout $who.key -out "
      "$who.csr && printf 'subjectAltName=IP:127.0.0.1' >$who.ext && openssl x509 -req -days 2 -in $who.csr "
      "-CA "
      "ca.pem -CAkey ca.key -CAcreateserial -extfile $who.ext -out $who.pem || exit 1; done && "
      "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=other -keyout other.key -out other.pem";
  Program openssl({"/bin/sh", "-c", script}, folder + "/openssl.log");
  EXPECT_TRUE(
      soon([&] { return text_of(folder + "/other.pem").find("END") != std::string::npos; }, seconds(60)))
      << text_of(folder + "/openssl.log");
  openssl.end(0);
}

TEST_F(Mqtt, SpeaksTlsToABrokerThatItTrustsAndToNoOther) {
  if (access("/usr/bin/openssl", X_OK) != 0) GTEST_SKIP() << "no openssl";
  const std::string folder = fixtures::temp_dir();
  make_certificates(folder);
  Broker broker("allow_anonymous true\nrequire_certificate true\ncafile " + folder + "/ca.pem\ncertfile " +
                folder + "/broker.pem\nkeyfile " + folder + "/broker.key\n");
  PublishOptions options = to(broker);
  options.broker.address = "mqtts://" + broker.address();
  options.broker.cert_file = folder + "/client.pem";
  options.broker.key_file = folder + "/client.key";
  options.broker.ca_file = folder + "/other.pem";
  publisher_.open(options);
  EXPECT_TRUE(soon([&] { return publisher_.stats().failures > 0; }));
  EXPECT_EQ(publisher_.stats().connections, 0U);
  EXPECT_EQ(warnings_.count("certificate verify failed"), 1U) << warnings_.all().at(0);
  for (const bool insecure : {false, true}) {
    options.broker.ca_file = insecure ? "" : folder + "/ca.pem";
    options.broker.insecure = insecure;
    publisher_.open(options);
    publish(publisher_, 1);
    EXPECT_TRUE(publisher_.drain()) << insecure;
    publisher_.close();
  }
  EXPECT_TRUE(broker.logged("tripletembed/events/door"));
}

}  // namespace
