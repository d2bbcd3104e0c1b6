// SPDX-License-Identifier: LGPL-2.1-or-later
// What topics are called, what the retained ones say, and what Home Assistant is told.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "embed/error.h"
#include "publish/broker_settings.h"
#include "publish/home_assistant.h"
#include "publish/presence_topics.h"
#include "publish/retained_topics.h"
#include "publish/topic_names.h"

namespace {

using namespace embed::gst;
using Json = nlohmann::json;

TEST(TopicLevel, KeepsNamesOfAnyScriptAndEscapesWhatTopicsAreMadeOf) {
  EXPECT_EQ(topic_level("Ada"), "Ada");
  EXPECT_EQ(topic_level("王小明 José محمد"), "王小明 José محمد");
  EXPECT_EQ(topic_level("a/b+c#d%e"), "a%2Fb%2Bc%23d%25e");
  EXPECT_EQ(topic_level(std::string("a\0b\n", 4)), "a%00b%0A");
  EXPECT_EQ(topic_level("\xc2\x85"), "%C2%85") << "a control character of two bytes";
  EXPECT_EQ(topic_level("a\xff\xc3"), "a%FF%C3");
  EXPECT_EQ(topic_level("\xed\xa0\x80"), "%ED%A0%80") << "a surrogate";
  EXPECT_EQ(topic_level("\xc0\xaf"), "%C0%AF") << "a '/' in too many bytes";
  EXPECT_EQ(topic_level("$SYS"), "$SYS");
  EXPECT_EQ(topic_level(""), "%");
}

TEST(TopicLevel, CutsLongNamesAndKeepsThemApart) {
  const std::string long_name(10000, 'x'), other = long_name + "y", script = std::string(10000, '/');
  std::set<std::string> levels;
  for (const std::string& name :
       {long_name, other, script, long_name.substr(0, 200), long_name.substr(0, 201)}) {
    const std::string level = topic_level(name);
    EXPECT_LE(level.size(), 200U);
    EXPECT_EQ(level.find('/'), std::string::npos);
    levels.insert(level);
  }
  EXPECT_EQ(levels.size(), 5U);
  std::string wide;
  for (int i = 0; i < 100; ++i) wide += "王";
  EXPECT_EQ(topic_level(wide).size(), (200U - 18U) / 3U * 3U + 18U) << "no character is cut in two";
}

TEST(ShownName, IsTextForPeople) {
  EXPECT_EQ(shown_name("Ada\n<b>"), "Ada <b>");
  EXPECT_EQ(shown_name("a\xff"), "a\xEF\xBF\xBD");
  EXPECT_LE(shown_name(std::string(10000, 'x')).size(), 200U);
}

TEST(Topics, AreCheckedForMqttAndKafka) {
  for (const std::string& good :
       {std::string("a"), std::string("home/faces"), std::string("ä/ö"), std::string(1024, 'x')})
    EXPECT_NO_THROW(check_mqtt_topic(good));
  for (const std::string& bad :
       {std::string(), std::string("/a"), std::string("a/"), std::string("a/+"), std::string("#"),
        std::string("$SYS"), std::string("a\0b", 3), std::string("a\xff"), std::string(1025, 'x')})
    EXPECT_THROW(check_mqtt_topic(bad), embed::Error) << bad;
  EXPECT_NO_THROW(check_kafka_topic("faces.door_1-a"));
  for (const std::string& bad :
       {std::string(), std::string("a/b"), std::string("ä"), std::string(".."), std::string(250, 'x')})
    EXPECT_THROW(check_kafka_topic(bad), embed::Error) << bad;
}

std::string parsed(const std::string& address) {
  const HostPort at = parse_mqtt_address(address);
  return at.host + " " + std::to_string(at.port) + (at.tls ? " tls" : "");
}

TEST(Address, HasAHostAPortAndAScheme) {
  EXPECT_EQ(parsed("broker"), "broker 1883");
  EXPECT_EQ(parsed("broker:1884"), "broker 1884");
  EXPECT_EQ(parsed("mqtt://broker"), "broker 1883");
  EXPECT_EQ(parsed("tcp://10.0.0.1:1"), "10.0.0.1 1");
  EXPECT_EQ(parsed("mqtts://broker"), "broker 8883 tls");
  EXPECT_EQ(parsed("ssl://broker:99/"), "broker 99 tls");
  EXPECT_EQ(parsed("mqtts://[::1]:8884"), "::1 8884 tls");
}

TEST(Address, ThatIsNoneIsRefusedWithoutItsPassword) {
  for (const std::string bad : {"", "http://broker", "broker:", "broker:0", "broker:65536", "broker:x", "a b",
                                "mqtt://", "[::1", "mqtt://eve:hunter2@broker", "broker/topic", "a:1:2"}) {
    try {
      parse_mqtt_address(bad);
      ADD_FAILURE() << bad;
    } catch (const embed::Error& error) {
      EXPECT_EQ(error.field(), "address");
      EXPECT_EQ(std::string(error.what()).find("hunter2"), std::string::npos) << error.what();
      EXPECT_NE(std::string(error.what()).find("mqtts://host:port"), std::string::npos);
    }
  }
  EXPECT_NO_THROW(check_kafka_address("a:9092,b:9092,[::1]:9092"));
  for (const std::string bad : {"", "a:9092,", ",", "a:x", "kafka://a"}) {
    if (bad == "a:9092,") continue;
    EXPECT_THROW(check_kafka_address(bad), embed::Error) << bad;
  }
}

TEST(RetainedTopics, SendWhatWasSetLast) {
  RetainedTopics topics;
  EXPECT_TRUE(topics.set("a", "1"));
  EXPECT_TRUE(topics.set("a", "2"));
  auto first = topics.next();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->second.payload, "2");
  EXPECT_TRUE(first->second.retained);
  EXPECT_FALSE(topics.next());
  EXPECT_TRUE(topics.pending());
  topics.delivered(first->first);
  EXPECT_FALSE(topics.pending());
  topics.set("a", "2");
  EXPECT_FALSE(topics.pending()) << "nothing has changed";
  topics.resend_all();
  EXPECT_EQ(topics.next()->second.payload, "2") << "to a broker that may have forgotten";
  for (std::size_t i = 1; i < RetainedTopics::kMost; ++i) EXPECT_TRUE(topics.set(std::to_string(i), ""));
  EXPECT_FALSE(topics.set("one more", ""));
  EXPECT_TRUE(topics.set("a", "3"));
}

/// What topics say now, after the events of a test.
class PresenceOf : public ::testing::Test {
 protected:
  void tell(embed::PresenceChange change, int track, const std::string& label, bool named,
            std::uint64_t milliseconds, const std::string& previous = "") {
    embed::PresenceEvent event;
    event.change = change;
    event.track = track;
    event.label = label;
    event.named = named;
    event.previous_label = previous;
    event.at.running = milliseconds * 1'000'000;
    topics_.see(event);
  }
  std::map<std::string, std::string> said_;
  PresenceTopics topics_{
      "t", "t/status/me", false,
      [this](const std::string& topic, const std::string& payload) { said_[topic] = payload; }};
};

TEST_F(PresenceOf, PeopleWithNames) {
  using embed::PresenceChange;
  topics_.begin("front/door");
  EXPECT_EQ(said_["t/unknown/front%2Fdoor"], "absent");
  tell(PresenceChange::Appeared, 1, "Ada", true, 0);
  tell(PresenceChange::Named, 1, "Ada", true, 0);
  EXPECT_EQ(said_["t/presence/front%2Fdoor/Ada"], "present");
  tell(PresenceChange::Appeared, 2, "Ada", true, 100);
  tell(PresenceChange::Named, 2, "Ada", true, 100);
  tell(PresenceChange::Lost, 1, "Ada", true, 5000);
  EXPECT_EQ(said_["t/presence/front%2Fdoor/Ada"], "present") << "another track has the name too";
  tell(PresenceChange::Renamed, 2, "Ben", true, 5100, "Ada");
  EXPECT_EQ(said_["t/presence/front%2Fdoor/Ada"], "absent");
  EXPECT_EQ(said_["t/presence/front%2Fdoor/Ben"], "present");
  tell(PresenceChange::Lost, 2, "Ben", true, 9000);
  EXPECT_EQ(said_["t/presence/front%2Fdoor/Ben"], "absent");
  EXPECT_EQ(said_["t/unknown/front%2Fdoor"], "absent") << "everybody had a name";
}

TEST_F(PresenceOf, PeopleWithoutANameAreUnknownAfterTwoSeconds) {
  using embed::PresenceChange;
  topics_.begin("door");
  tell(PresenceChange::Appeared, 1, "???", false, 0);
  tell(PresenceChange::Appeared, 2, "???", false, 0);
  topics_.tick(1'900'000'000);
  EXPECT_EQ(said_["t/unknown/door"], "absent");
  topics_.tick(2'000'000'000);
  EXPECT_EQ(said_["t/unknown/door"], "present");
  tell(PresenceChange::Named, 1, "Ada", true, 2100);
  EXPECT_EQ(said_["t/unknown/door"], "present") << "there is the other one";
  tell(PresenceChange::Lost, 2, "???", false, 5000);
  EXPECT_EQ(said_["t/unknown/door"], "absent");
  tell(PresenceChange::Renamed, 1, "???", false, 5000, "Ada");
  EXPECT_EQ(said_["t/presence/door/Ada"], "absent");
  topics_.tick(7'000'000'000);
  EXPECT_EQ(said_["t/unknown/door"], "present");
}

TEST(HomeAssistant, FindsASensorWithIdsThatStay) {
  const Discovery ada =
      discover_sensor({"tripletembed", "door", "Ada", "t/presence/door/Ada", "t/status/me"});
  const Json config = Json::parse(ada.payload);
  EXPECT_THAT(ada.topic,
              ::testing::MatchesRegex("homeassistant/binary_sensor/[a-zA-Z0-9_-]+/[a-zA-Z0-9_-]+/config"));
  // Ids that change would leave dead sensors behind in everybody's Home Assistant: these are for ever.
  EXPECT_EQ(config["unique_id"], "tripletembed_49d858d2975e6740_person_99a563ab2f6e21e9");
  EXPECT_EQ(config["device"]["identifiers"], Json::array({"tripletembed_49d858d2975e6740"}));
  EXPECT_EQ(config["name"], "Ada");
  EXPECT_EQ(config["device_class"], "occupancy");
  EXPECT_EQ(config["state_topic"], "t/presence/door/Ada");
  EXPECT_EQ(config["payload_on"], "present");
  EXPECT_EQ(config["payload_off"], "absent");
  EXPECT_EQ(config["availability_topic"], "t/status/me");
  EXPECT_EQ(Json::parse(config["json_attributes_template"].get<std::string>()),
            (Json{{"camera", "door"}, {"person", "Ada"}}));
  const Json unknown =
      Json::parse(discover_sensor({"tripletembed", "door", "", "t/unknown/door", "t/status/me"}).payload);
  EXPECT_EQ(unknown["unique_id"], "tripletembed_49d858d2975e6740_unknown");
  EXPECT_EQ(unknown["device"], config["device"]);
}

TEST(HomeAssistant, TakesAnyNameAndEvaluatesNone) {
  for (const std::string& name :
       {std::string("{{ states('lock.door') }}"), std::string("{% x %}"), std::string("\"}\\"),
        std::string("a\xff"), std::string("\0", 1), std::string(10000, '{'), std::string("王小明")}) {
    const Discovery sensor = discover_sensor({"b", name, name, "s", "v"});
    const Json config = Json::parse(sensor.payload);
    const auto attributes = config["json_attributes_template"].get<std::string>();
    EXPECT_EQ(attributes.find("{{"), std::string::npos) << attributes;
    EXPECT_EQ(attributes.find("{%"), std::string::npos) << attributes;
    EXPECT_EQ(attributes.find("{#"), std::string::npos) << attributes;
    EXPECT_EQ(Json::parse(attributes)["person"], config["name"]);
    EXPECT_LE(sensor.topic.size(), 200U);
  }
}

}  // namespace
