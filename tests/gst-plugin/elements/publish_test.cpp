// SPDX-License-Identifier: LGPL-2.1-or-later
// The element tripletpublish: its settings, its states, and what reaches a broker through a pipeline.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "../publish/broker.h"
#include "embed/embedder.h"
#include "glue/face_meta.h"
#include "glue/publish_structures.h"
#include "streams_support.h"

namespace {

using namespace gsttest;
using publishtest::Broker;
using publishtest::Listener;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(PublishSettings, ThatAreFaultyStopOnTheWayToReadyAndSayWhich) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "address is not set"},
      {"address=http://x", "address"},
      {"address=mqtt://eve:hunter2@broker", "address"},
      {"address=b:0", "host:port"},
      {"address=b topic=a/+", "topic"},
      {"address=b topic=/a", "topic"},
      {"address=b ca-file=/no/such", "ca-file"},
      {"address=mqtts://b ca-file=/no/such", "ca-file"},
      {"address=mqtts://b cert-file=/dev/null", "key-file"},
      {"address=b insecure=true", "mqtts://"},
      {"address=b password=hunter2", "username"},
      {"address=b username=eve password=hunter2 password-file=/dev/null", "password-file"},
      {"address=b username=eve password-file=/no/such", "password-file"},
      {"address=b username=eve password-file=/dev/null", "first line"},
      {"address=b options=options,acks=all", "options"},
      {"address=b presence=false homeassistant=true", "homeassistant"},
      {"method=kafka", "localhost:9092"},
      {"method=kafka address=b:9092 homeassistant=true", "homeassistant"},
      {"method=kafka address=b:9092 topic=a/b", "topic"},
      {"method=kafka address=b:9092 options=options,no.such=1", "no.such"},
      {"method=kafka address=b:9092 options=options,sasl.username=x,acks=[1,2]", "options: acks"},
  };
  for (const auto& [settings, expected] : cases) {
    const Outcome outcome = try_state("tripletpublish " + std::string(settings), GST_STATE_READY);
    EXPECT_EQ(outcome.result, GST_STATE_CHANGE_FAILURE) << settings;
    EXPECT_THAT(outcome.message, HasSubstr(expected)) << settings;
    EXPECT_THAT(outcome.message, Not(HasSubstr("hunter2"))) << settings;
  }
}

TEST(PublishSettings, ASpoolThatCannotBeUsedStopsOnTheWayToPaused) {
  const Outcome outcome =
      try_state("tripletpublish address=127.0.0.1:1 spool=/no/such/folder", GST_STATE_PAUSED);
  EXPECT_EQ(outcome.result, GST_STATE_CHANGE_FAILURE);
  EXPECT_THAT(outcome.message, HasSubstr("/no/such/folder"));
  EXPECT_THAT(outcome.message, HasSubstr("spool"));
}

TEST(PublishSettings, SecretsCannotBeReadBack) {
  GstElement* element = gst_element_factory_make("tripletpublish", nullptr);
  for (const char* name : {"password", "options"}) {
    const GParamSpec* spec = g_object_class_find_property(G_OBJECT_GET_CLASS(element), name);
    ASSERT_NE(spec, nullptr);
    EXPECT_EQ(spec->flags & G_PARAM_READABLE, 0) << name;
  }
  g_autofree gchar* address = nullptr;
  g_object_set(element, "address", "mqtt://eve:hunter2@broker", nullptr);
  g_object_get(element, "address", &address, nullptr);
  EXPECT_STREQ(address, "mqtt://broker");
  gst_object_unref(element);
}

TEST(PublishSettings, OptionsAreRefusedBeyondReady) {
  Harness harness("tripletpublish name=e method=kafka topic=faces drain-timeout=0 address=127.0.0.1:1");
  Bus bus(harness.element());
  GstStructure* options = gst_structure_from_string("options,acks=all", nullptr);
  g_object_set(harness.element(), "options", options, nullptr);
  gst_structure_free(options);
  bool told = false;
  while (const auto message = bus.pop(GST_MESSAGE_WARNING)) {
    GError* error = nullptr;
    gst_message_parse_warning(message.get(), &error, nullptr);
    told = told || std::string(error->message).find("'options' cannot change") != std::string::npos;
    g_error_free(error);
  }
  EXPECT_TRUE(told);
}

TEST(BrokerOptions, AreTextNumbersAndBooleans) {
  GstStructure* options = gst_structure_from_string(
      "options,security.protocol=ssl,message.timeout.ms=(int)500,enable.idempotence=true,acks=(string)all",
      nullptr);
  ASSERT_NE(options, nullptr);
  EXPECT_EQ(embed::gst::broker_options_of(options),
            (std::map<std::string, std::string>{{"security.protocol", "ssl"},
                                                {"message.timeout.ms", "500"},
                                                {"enable.idempotence", "true"},
                                                {"acks", "all"}}));
  gst_structure_free(options);
  EXPECT_TRUE(embed::gst::broker_options_of(nullptr).empty());
}

class Publish : public Streams {
 protected:
  void SetUp() override {
    if (!publishtest::have_mosquitto()) GTEST_SKIP() << "no mosquitto";
  }
  /// Ann is who is seen where frames have their face.
  static const std::string& gallery() {
    static const std::string path = [] {
      const embed::Embedder embedder(quick_weights_file(), {"cpu", "fp32", 16});
      const auto picture = fixtures::make_image(embed::PixelFormat::I420, kWidth, kHeight);
      embed::FaceRegion region;
      region.box = {10, 10, 40, 40};
      return fixtures::write_gallery(fixtures::temp_dir() + "/publish-ann.safetensors", quick_weights_file(),
                                     {{"Ann", embedder.embed(picture.view(), {region}).at(0)}});
    }();
    return path;
  }
  static std::string launch(const std::string& properties) {
    return "tripletembed precision=fp32 model=" + quick_weights_file() +
           " threshold=0.05 gallery=" + gallery() + " ! tripletpublish name=e max-reconnect-interval=1 " +
           properties;
  }
  void push(Harness& harness, int from, int to, int track) const {
    for (int i = from; i < to; ++i) {
      GstBuffer* buffer = make_buffer(picture_, i);
      if (track > 0) embed::gst::set_track(add_roi(buffer, "face", 10, 10, 40, 40), track);
      own(harness.push(buffer));
    }
  }
  static std::vector<std::string> told(const Listener& listener) {
    std::vector<std::string> all;
    for (const auto& message : listener.heard()) {
      const std::size_t at = message.payload.find("{\"event\":\"");
      if (at == 0) all.push_back(message.payload.substr(10, message.payload.find('"', 10) - 10));
    }
    return all;
  }
};

TEST_F(Publish, EventsAndPresenceReachTheBrokerAndTheEndDrains) {
  Broker broker;
  const Listener listener(broker);
  const std::string topic = "home/presence/front%2Fdoor/Ann";
  {
    Harness harness(launch("topic=home camera=front/door client-id=me address=" + broker.address()));
    harness.caps(caps());
    push(harness, 0, 10, 4);
    EXPECT_TRUE(publishtest::soon([&] { return listener.last(topic) == "present"; }));
    EXPECT_EQ(told(listener), (std::vector<std::string>{"appeared", "named"}));
    EXPECT_EQ(listener.last("home/status/me"), "online");
    EXPECT_TRUE(gst_harness_push_event(harness.get(), gst_event_new_eos()));
    EXPECT_TRUE(publishtest::soon([&] { return stat(harness.element(), "delivered") == 3; }));
    EXPECT_EQ(stat(harness.element(), "waiting"), 0U);
  }
  EXPECT_TRUE(publishtest::soon([&] { return listener.last("home/status/me") == "offline"; }));
  EXPECT_EQ(told(listener), (std::vector<std::string>{"appeared", "named", "lost"}));
  EXPECT_EQ(listener.last(topic), "absent");
  EXPECT_EQ(listener.last("home/unknown/front%2Fdoor"), "absent");
  EXPECT_EQ(listener.count("home/frames"), 0U);
}

TEST_F(Publish, FramesAreTheLinesOfTripletjson) {
  Broker broker;
  const Listener listener(broker);
  const std::string path = fixtures::temp_dir() + "/same.jsonl";
  {
    Harness harness(launch("lines=frames presence=false camera=door address=" + broker.address()) +
                    " ! tripletjson camera=door location=" + path);
    harness.caps(caps());
    push(harness, 0, 8, 4);
  }
  EXPECT_TRUE(publishtest::soon([&] { return listener.count("tripletembed/frames/door") == 8; }));
  std::string sent;
  for (const auto& message : listener.heard()) {
    if (message.topic == "tripletembed/frames/door") sent += message.payload + "\n";
  }
  // The time of day is that when each element saw the frame.
  const auto without_utc = [](std::string text) {
    for (std::size_t at = 0; (at = text.find("\"utc\":\"", at)) != std::string::npos; ++at)
      text.erase(at, 33);
    return text;
  };
  EXPECT_EQ(without_utc(sent), without_utc(publishtest::text_of(path)));
  EXPECT_EQ(listener.count("presence"), 0U);
}

TEST_F(Publish, TakesThePasswordFromAFileOrTheEnvironment) {
  Broker broker("allow_anonymous false\npassword_file " + publishtest::password_file("camera", "r1ght") + "\n");
  const std::string secret = broker.folder() + "/secret";
  std::ofstream(secret) << "r1ght\nnot this line\n";
  const std::string common = "username=camera address=" + broker.address() + " ";
  for (const std::string& how : {"password-file=" + secret, std::string("password=r1ght"), std::string()}) {
    if (how.empty()) setenv("TRIPLETEMBED_PUBLISH_PASSWORD", "r1ght", 1);
    Harness harness(launch(common + how));
    harness.caps(caps());
    EXPECT_TRUE(publishtest::soon([&] { return stat(harness.element(), "connections") == 1; })) << how;
  }
  unsetenv("TRIPLETEMBED_PUBLISH_PASSWORD");
}

TEST_F(Publish, WithoutABrokerFramesPassAndAChangeOfStateDoesNotWait) {
  const auto begin = std::chrono::steady_clock::now();
  {
    Harness harness(launch("drain-timeout=3600 spool=" + fixtures::temp_dir() +
                           "/nobody address=127.0.0.1:" + std::to_string(publishtest::free_port())));
    Bus bus(harness.element());
    harness.caps(caps());
    push(harness, 0, 50, 4);
    EXPECT_EQ(stat(harness.element(), "accepted"), 2U);
    EXPECT_TRUE(publishtest::soon([&] { return stat(harness.element(), "failures") > 0; }));
    EXPECT_TRUE(bus.pop(GST_MESSAGE_WARNING, 5 * GST_SECOND));
    EXPECT_FALSE(bus.pop(GST_MESSAGE_WARNING)) << "once";
    EXPECT_TRUE(gst_harness_push_event(harness.get(), gst_event_new_eos()));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(60));
}

TEST_F(Publish, StopsAndStartsAgainInTheSameProcess) {
  Broker broker;
  const Listener listener(broker);
  Harness harness(launch("camera=door address=" + broker.address()));
  harness.caps(caps());
  push(harness, 0, 10, 4);
  for (int again = 0; again < 3; ++again) {
    ASSERT_EQ(gst_element_set_state(harness.element(), GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
    ASSERT_EQ(gst_element_set_state(harness.element(), GST_STATE_PLAYING), GST_STATE_CHANGE_SUCCESS);
    EXPECT_TRUE(publishtest::soon([&] { return stat(harness.element(), "connections") == 1; }));
  }
  EXPECT_EQ(told(listener), (std::vector<std::string>{"appeared", "named", "lost"}));
}

}  // namespace
