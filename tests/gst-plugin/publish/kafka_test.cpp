// SPDX-License-Identifier: LGPL-2.1-or-later
// Lines to Kafka, as librdkafka's own mock of a cluster plays it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <map>
#include <memory>
#include <thread>

#include "broker.h"
#include "embed/error.h"
#include "publish_support.h"

namespace {

using namespace publishtest;
using embed::gst::Publisher;
using embed::gst::PublishOptions;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// A cluster of one broker with a topic `faces` of four partitions.
class Cluster {
 public:
  Cluster() {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, nullptr);
    char why[256];
    owner_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    cluster_ = rd_kafka_mock_cluster_new(owner_, 1);
    rd_kafka_mock_topic_create(cluster_, "faces", 4, 1);
  }
  ~Cluster() {
    rd_kafka_mock_cluster_destroy(cluster_);
    rd_kafka_destroy(owner_);
  }
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  std::string address() const { return rd_kafka_mock_cluster_bootstraps(cluster_); }
  void down() { rd_kafka_mock_broker_set_down(cluster_, 1); }
  void up() { rd_kafka_mock_broker_set_up(cluster_, 1); }
  rd_kafka_mock_cluster_t* get() const { return cluster_; }

  struct Taken {
    std::string key;
    int number;
    int partition;
  };
  /// All messages of the topic, partition by partition; waits for so many.
  std::vector<Taken> taken(std::size_t count) const {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    char why[256];
    rd_kafka_conf_set_log_cb(conf, nullptr);
    rd_kafka_conf_set(conf, "bootstrap.servers", address().c_str(), why, sizeof why);
    rd_kafka_conf_set(conf, "group.id", "reader", why, sizeof why);
    rd_kafka_conf_set(conf, "auto.offset.reset", "earliest", why, sizeof why);
    rd_kafka_t* reader = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    rd_kafka_poll_set_consumer(reader);
    rd_kafka_topic_partition_list_t* all = rd_kafka_topic_partition_list_new(4);
    for (int i = 0; i < 4; ++i)
      rd_kafka_topic_partition_list_add(all, "faces", i)->offset = RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_assign(reader, all);
    rd_kafka_topic_partition_list_destroy(all);
    std::vector<Taken> found;
    const auto deadline = std::chrono::steady_clock::now() + seconds(30);
    while (found.size() < count && std::chrono::steady_clock::now() < deadline) {
      rd_kafka_message_t* message = rd_kafka_consumer_poll(reader, 100);
      if (message == nullptr) continue;
      if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
        found.push_back({std::string(static_cast<const char*>(message->key), message->key_len),
                         number_of(std::string(static_cast<const char*>(message->payload), message->len)),
                         message->partition});
      rd_kafka_message_destroy(message);
    }
    rd_kafka_consumer_close(reader);
    rd_kafka_destroy(reader);
    return found;
  }

 private:
  rd_kafka_t* owner_;
  rd_kafka_mock_cluster_t* cluster_;
};

PublishOptions to(const Cluster& cluster) {
  PublishOptions options;
  options.method = &embed::gst::kPublishMethods[1];
  options.broker.address = cluster.address();
  options.broker.topic = "faces";
  options.broker.client_id = "camera";
  options.broker.max_reconnect_interval = 1;
  options.broker.options = {{"reconnect.backoff.max.ms", "200"}};
  options.drain_timeout = seconds(30);
  return options;
}

TEST(Kafka, KeepsTheOrderOfEachCamera) {
  const Cluster cluster;
  Warnings warnings;
  Publisher publisher(warnings.take());
  publisher.open(to(cluster));
  const std::vector<std::string> cameras = {"door", "hall", "garden", "yard"};
  for (int i = 0; i < 2000; ++i) publish(publisher, i, cameras[static_cast<std::size_t>(i) % 4]);
  EXPECT_TRUE(publisher.drain());
  EXPECT_EQ(publisher.stats().delivered, 2000U);
  std::map<std::string, int> last, partition;
  const auto taken = cluster.taken(2000);
  EXPECT_EQ(taken.size(), 2000U);
  for (const auto& message : taken) {
    const auto seen = last.find(message.key);
    if (seen != last.end()) {
      EXPECT_EQ(message.number, seen->second + 4);
      EXPECT_EQ(message.partition, partition[message.key]) << message.key;
    }
    last[message.key] = message.number;
    partition[message.key] = message.partition;
  }
  EXPECT_EQ(last.size(), 4U);
  EXPECT_THAT(warnings.all(), ::testing::IsEmpty());
}

TEST(Kafka, AClusterThatIsDownForAWhileGetsAllThatWasPromised) {
  Cluster cluster;
  cluster.down();
  Warnings warnings;
  Publisher publisher(warnings.take());
  publisher.open(to(cluster));
  for (int i = 0; i < 1000; ++i) publish(publisher, i);
  EXPECT_TRUE(soon([&] { return publisher.stats().failures > 0; }));
  EXPECT_FALSE(publisher.stats().connected);
  cluster.up();
  EXPECT_TRUE(soon([&] { return publisher.stats().delivered > 0; }));
  cluster.down();
  for (int i = 1000; i < 2000; ++i) publish(publisher, i);
  std::this_thread::sleep_for(milliseconds(300));
  cluster.up();
  EXPECT_TRUE(publisher.drain());
  std::set<int> numbers;
  const auto stats = publisher.stats();
  for (const auto& message : cluster.taken(2000)) numbers.insert(message.number);
  EXPECT_EQ(numbers.size(), 2000U);
  EXPECT_EQ(stats.delivered, 2000U);
  EXPECT_EQ(stats.dropped, 0U);
  EXPECT_EQ(warnings.count("no connection"), 1U);
}

TEST(Kafka, WhatAMessageTimeoutGivesUpIsSentAgain) {
  Cluster cluster;
  Warnings warnings;
  Publisher publisher(warnings.take());
  PublishOptions options = to(cluster);
  options.broker.options["message.timeout.ms"] = "500";
  options.broker.options["linger.ms"] = "0";
  cluster.down();
  publisher.open(options);
  publisher.write({"{\"x\":\"" + std::string(100'000, 'x') + "\"}", "door", nullptr});
  for (int i = 0; i < 10; ++i) publish(publisher, i);
  EXPECT_TRUE(soon([&] { return publisher.stats().connections >= 7; })) << publisher.stats().connections;
  EXPECT_GT(publisher.stats().resent, 0U);
  cluster.up();
  EXPECT_TRUE(publisher.drain());
  EXPECT_EQ(publisher.stats().delivered, 11U);
  EXPECT_EQ(publisher.stats().dropped + publisher.stats().refused, 0U);
}

TEST(Kafka, ALineThatIsTooLargeIsCountedAndHoldsNoOther) {
  const Cluster cluster;
  Warnings warnings;
  Publisher publisher(warnings.take());
  PublishOptions options = to(cluster);
  options.broker.options["message.max.bytes"] = "1000";
  publisher.open(options);
  const std::string camera = "door";
  publisher.write({"{\"track\":1,\"x\":\"" + std::string(2000, 'x') + "\"}", camera, nullptr});
  publish(publisher, 1);
  EXPECT_TRUE(publisher.drain());
  EXPECT_EQ(publisher.stats().refused, 1U);
  EXPECT_EQ(publisher.stats().delivered, 1U);
  EXPECT_EQ(warnings.count("refused by the broker"), 1U);
}

TEST(Kafka, WhatAnEarlierRunCouldNotSendIsSentByTheNextOne) {
  Cluster cluster;
  cluster.down();
  PublishOptions options = to(cluster);
  options.spool = new_spool();
  options.drain_timeout = milliseconds(300);
  Publisher publisher([](const std::string&) {});
  publisher.open(options);
  for (int i = 0; i < 100; ++i) publish(publisher, i);
  EXPECT_FALSE(publisher.drain());
  publisher.close();
  EXPECT_EQ(publisher.stats().waiting, 100U);
  cluster.up();
  options.drain_timeout = seconds(30);
  publisher.open(options);
  EXPECT_TRUE(publisher.drain());
  EXPECT_EQ(cluster.taken(100).size(), 100U);
}

std::string refusal(const std::map<std::string, std::string>& options) {
  PublishOptions wanted;
  wanted.method = &embed::gst::kPublishMethods[1];
  wanted.broker.address = "localhost:9092";
  wanted.broker.topic = "faces";
  wanted.broker.options = options;
  try {
    check_options(wanted);
    return "";
  } catch (const embed::Error& error) {
    return error.what();
  }
}

TEST(Kafka, OptionsAreCheckedAndNeverShowASecret) {
  EXPECT_EQ(refusal({}), "");
  EXPECT_EQ(refusal({{"acks", "1"}}), "") << "then the producer is not idempotent";
  EXPECT_EQ(refusal({{"security.protocol", "sasl_ssl"},
                     {"sasl.mechanism", "PLAIN"},
                     {"sasl.username", "me"},
                     {"sasl.password", "x"}}),
            "");
  EXPECT_THAT(refusal({{"no.such", "1"}}),
              ::testing::HasSubstr("options: no.such: librdkafka has no setting"));
  EXPECT_THAT(refusal({{"acks", "many"}}), ::testing::HasSubstr("options: acks"));
  EXPECT_THAT(refusal({{"acks", "1"}, {"enable.idempotence", "true"}}), ::testing::HasSubstr("options: "));
  const std::string secret = refusal({{"ssl.key.pem", "hunter2"}, {"security.protocol", "ssl"}});
  EXPECT_THAT(secret, ::testing::HasSubstr("ssl.key.pem"));
  EXPECT_THAT(secret, ::testing::Not(::testing::HasSubstr("hunter2")));
}

}  // namespace
