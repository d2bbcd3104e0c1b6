// SPDX-License-Identifier: LGPL-2.1-or-later
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <future>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "embed/error.h"
#include "fixtures.h"
#include "gst_support.h"
#include "sessions/json_session.h"

namespace {

using namespace embed::gst;
using Json = nlohmann::json;

Face ann() {
  Face face;
  face.id = 5;
  face.type = "face";
  face.box = {10, 20, 30, 40};
  face.confidence = 0.9;
  face.identity.emplace();
  face.identity->label = "Ann \"安\"\n";
  face.identity->label_id = 2;
  face.identity->distance = 0.3F;
  face.identity->threshold = 0.4F;
  face.identity->nearest = "Alice";
  face.identity->runner_up = "Bob";
  face.identity->runner_up_distance = 0.6F;
  face.identity->embedding = fixtures::random_embedding(1);
  return face;
}

const FrameFacts kFacts{std::uint64_t{40000000}, "file:///a.mp4", 100, 80};

TEST(FrameToJson, HoldsWhatTheFormatPromises) {
  const std::string line = frame_to_json(kFacts, 7, {ann()}, true);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const Json json = Json::parse(line);
  EXPECT_EQ(json["timestamp"], 40000000);
  EXPECT_EQ(json["frame"], 7);
  EXPECT_EQ(json["source"], "file:///a.mp4");
  EXPECT_EQ(json["resolution"], (Json{{"width", 100}, {"height", 80}}));
  ASSERT_EQ(json["objects"].size(), 1U);
  const Json& o = json["objects"][0];
  EXPECT_EQ(o["id"], 5);
  EXPECT_EQ(o["x"], 10);
  EXPECT_EQ(o["y"], 20);
  EXPECT_EQ(o["w"], 30);
  EXPECT_EQ(o["h"], 40);
  EXPECT_EQ(o["roi_type"], "face");
  EXPECT_DOUBLE_EQ(o["detection"]["confidence"], 0.9);
  EXPECT_DOUBLE_EQ(o["detection"]["bounding_box"]["x_max"], 0.4);
  EXPECT_DOUBLE_EQ(o["detection"]["bounding_box"]["y_min"], 0.25);
  EXPECT_EQ(o["identity"]["label"], "Ann \"安\"\n");
  EXPECT_EQ(o["identity"]["label_id"], 2);
  EXPECT_DOUBLE_EQ(o["identity"]["distance"], 0.3);
  EXPECT_DOUBLE_EQ(o["identity"]["threshold"], 0.4);
  EXPECT_EQ(o["identity"]["nearest"], "Alice");
  EXPECT_EQ(o["identity"]["runner_up"], "Bob");
  EXPECT_EQ(o["identity"]["reason"], nullptr);
  EXPECT_EQ(o["identity"]["predicted"], false);
  EXPECT_EQ(o["detection"]["predicted"], false);
  EXPECT_EQ(o["embedding"].size(), embed::kEmbeddingDim);
}

TEST(FrameToJson, LeavesOutAndNullsWhatThereIsNot) {
  Face stranger = ann();
  stranger.identity->label = "???";
  stranger.identity->label_id = -1;
  stranger.identity->distance.reset();
  stranger.identity->nearest.clear();
  stranger.identity->runner_up.clear();
  stranger.identity->reason = embed::gst::Reason::Small;
  Face bare;
  bare.box = {1, 2, 3, 4};
  const Json json = Json::parse(frame_to_json({std::nullopt, "", 0, 0}, 0, {stranger, bare}, false));
  EXPECT_EQ(json["timestamp"], nullptr);
  EXPECT_EQ(json["objects"][0]["identity"]["label"], "???");
  EXPECT_EQ(json["objects"][0]["identity"]["distance"], nullptr);
  EXPECT_EQ(json["objects"][0]["identity"]["runner_up"], nullptr);
  EXPECT_EQ(json["objects"][0]["identity"]["reason"], "small");
  EXPECT_FALSE(json["objects"][0].contains("embedding")) << "not asked for";
  EXPECT_FALSE(json["objects"][1].contains("identity")) << "tripletembed has not looked";
  EXPECT_EQ(json["objects"][1]["detection"]["bounding_box"]["x_min"], nullptr) << "no frame size";
}

TEST(FrameToJson, SaysWhatIsPredicted) {
  Face known = ann(), looked_for = ann();
  known.predicted = known.identity->predicted = looked_for.identity->predicted = true;
  const Json json = Json::parse(frame_to_json(kFacts, 0, {known, looked_for}, false));
  ASSERT_EQ(json["objects"].size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(json["objects"][i]["detection"]["predicted"], i == 0);
    EXPECT_EQ(json["objects"][i]["identity"]["predicted"], true);
  }
  EXPECT_TRUE(Json::parse(frame_to_json(kFacts, 0, {}, false))["objects"].empty());
}

TEST(FrameToJson, SaysTheTrackWhereThereIsOne) {
  Face followed = ann();
  followed.track = 12;
  const Json json = Json::parse(frame_to_json(kFacts, 0, {followed, ann()}, false));
  EXPECT_EQ(json["objects"][0]["track"], 12);
  EXPECT_FALSE(json["objects"][1].contains("track"));
}

TEST(FrameToJson, SaysTheQualityWhereItIsKnown) {
  Face seen = ann();
  seen.identity->quality = 0.75F;
  const Json json = Json::parse(frame_to_json(kFacts, 0, {seen, ann()}, false));
  EXPECT_DOUBLE_EQ(json["objects"][0]["quality"], 0.75);
  EXPECT_FALSE(json["objects"][1].contains("quality"));
}

TEST(FrameToJson, RepairsTextThatIsNotUtf8) {
  Face face = ann();
  face.identity->label = "A\xff";
  const Json line = Json::parse(frame_to_json(kFacts, 0, {face}, false));
  EXPECT_EQ(line["objects"][0]["identity"]["label"], "A\xEF\xBF\xBD") << "U+FFFD in its place";
}

TEST(LineWriter, MakesTheFileAnewAndWritesEachLineAtOnce) {
  const std::string path = fixtures::temp_dir() + "/lines";
  fixtures::write_bytes(path, std::string("old content that is longer than the new one\n"));
  LineWriter writer;
  writer.open(path);
  EXPECT_TRUE(writer.write("one"));
  const auto bytes = fixtures::read_bytes(path);
  EXPECT_EQ(std::string(bytes.begin(), bytes.end()), "one\n") << "before close";
}

TEST(LineWriter, NamesTheFileThatCannotBeWritten) {
  for (const std::string& path : {fixtures::temp_dir() + "/missing/x.jsonl", fixtures::temp_dir()}) {
    LineWriter writer;
    try {
      writer.open(path);
      FAIL() << path;
    } catch (const embed::Error& error) {
      EXPECT_EQ(error.code(), embed::ErrorCode::Io);
      EXPECT_NE(std::string(error.what()).find(path), std::string::npos) << error.what();
    }
  }
  LineWriter writer;
  EXPECT_THROW(writer.open(""), embed::Error);
}

TEST(LineWriter, AFullDiskIsAnError) {
  if (access("/dev/full", W_OK) != 0) GTEST_SKIP() << "no /dev/full here";
  LineWriter writer;
  writer.open("/dev/full");
  EXPECT_THROW(writer.write("line"), embed::Error);
}

class Pipe : public ::testing::Test {
 protected:
  Pipe() : path_(fixtures::temp_dir() + "/pipe") {
    unlink(path_.c_str());
    if (mkfifo(path_.c_str(), 0600) != 0) throw std::runtime_error("mkfifo");
  }
  std::string path_;
};

TEST_F(Pipe, WaitsForAReaderUntilCancelled) {
  LineWriter writer;
  writer.open(path_);
  std::thread other([&writer] {
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
    writer.cancel();
  });
  EXPECT_FALSE(writer.write("nobody reads"));
  other.join();
}

TEST_F(Pipe, ReachesItsReader) {
  LineWriter writer;
  writer.open(path_);
  std::string got(6, '\0');
  std::thread reader([&] {
    const int fd = open(path_.c_str(), O_RDONLY);
    EXPECT_EQ(read(fd, got.data(), got.size()), 6);
    close(fd);
  });
  EXPECT_TRUE(writer.write("hello"));
  reader.join();
  EXPECT_EQ(got, "hello\n");
}

TEST_F(Pipe, AReaderThatWentAwayIsAnErrorNotASignal) {
  const int fd = open(path_.c_str(), O_RDONLY | O_NONBLOCK);
  LineWriter writer;
  writer.open(path_);
  EXPECT_TRUE(writer.write("one"));
  close(fd);
  EXPECT_THROW(writer.write("two"), embed::Error);
}

constexpr std::size_t kMoreThanAPipeHolds = 300000;

TEST_F(Pipe, TheRestOfACancelledLineComesBeforeTheNextLine) {
  const int reader = open(path_.c_str(), O_RDONLY | O_NONBLOCK);
  LineWriter writer;
  writer.open(path_);
  const std::string line(kMoreThanAPipeHolds, 'a');
  auto first = std::async(std::launch::async, [&] { return writer.write(line); });
  EXPECT_EQ(first.wait_for(std::chrono::milliseconds(200)), std::future_status::timeout);
  writer.cancel();
  EXPECT_FALSE(first.get());
  writer.reset();
  auto second = std::async(std::launch::async, [&] { return writer.write("b"); });
  const std::string expected = line + "\nb\n";
  std::string got, part(65536, '\0');
  for (int tries = 0; got.size() < expected.size() && tries < 5000; ++tries) {
    const ssize_t size = read(reader, part.data(), part.size());
    if (size > 0) got.append(part, 0, static_cast<std::size_t>(size));
    if (size <= 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_TRUE(second.get());
  EXPECT_TRUE(got == expected) << got.size() << " bytes";
  close(reader);
}

TEST(LineWriter, StandardOutputThatNobodyReadsDoesNotHoldACancel) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const int kept = dup(STDOUT_FILENO);
  dup2(ends[1], STDOUT_FILENO);
  LineWriter writer;
  writer.open("-");
  dup2(kept, STDOUT_FILENO);
  close(kept);
  auto written = std::async(std::launch::async, [&writer] {
    try {
      return writer.write(std::string(kMoreThanAPipeHolds, 'a'));
    } catch (const embed::Error&) {
      return true;  // The reader's end, closed below.
    }
  });
  EXPECT_EQ(written.wait_for(std::chrono::milliseconds(200)), std::future_status::timeout);
  writer.cancel();
  EXPECT_EQ(written.wait_for(std::chrono::seconds(5)), std::future_status::ready);
  close(ends[0]);
  EXPECT_FALSE(written.get());
  close(ends[1]);
}

TEST(TripletJson, PassesBuffersThroughAndWritesALineEach) {
  const std::string path = fixtures::temp_dir() + "/element.jsonl";
  {
    gsttest::Harness harness("tripletjson source=rtsp://me:secret@cam/s?key=1 location=" + path);
    harness.caps("video/x-raw,format=GRAY8,width=32,height=24,framerate=25/1");
    const auto picture = fixtures::make_image(embed::PixelFormat::Gray8, 32, 24);
    for (int i = 0; i < 3; ++i) {
      GstBuffer* in = gsttest::make_buffer(picture, i);
      gsttest::add_roi(in, "face", 1, 2, 3, 4, 9);
      const auto out = gsttest::own(harness.push(in));
      EXPECT_EQ(out.get(), in) << "the very same buffer";
    }
  }
  const auto bytes = fixtures::read_bytes(path);
  std::istringstream lines(std::string(bytes.begin(), bytes.end()));
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    const Json json = Json::parse(line);
    EXPECT_EQ(json["frame"], count);
    EXPECT_EQ(json["timestamp"], count * 40000000);
    EXPECT_EQ(json["source"], "rtsp://cam/s");
    EXPECT_EQ(json["resolution"]["width"], 32);
    EXPECT_EQ(json["objects"][0]["h"], 4);
  }
  EXPECT_EQ(count, 3);
}

TEST(TripletJson, AnUnwritableFileStopsThePipeline) {
  // In a folder of the test's own: on some machines there is a /nonexistent.
  const std::string file = fixtures::temp_dir() + "/missing/x.jsonl";
  const auto outcome = gsttest::try_state("tripletjson location=" + file, GST_STATE_PAUSED);
  EXPECT_EQ(outcome.result, GST_STATE_CHANGE_FAILURE);
  EXPECT_EQ(outcome.domain, GST_RESOURCE_ERROR);
  EXPECT_EQ(outcome.code, GST_RESOURCE_ERROR_OPEN_WRITE);
  EXPECT_NE(outcome.message.find(file), std::string::npos) << outcome.message;
}

TEST(TripletJson, AFullDiskIsAnElementError) {
  if (access("/dev/full", W_OK) != 0) GTEST_SKIP() << "no /dev/full here";
  const auto said =
      gsttest::run_pipeline("videotestsrc num-buffers=3 ! tripletjson location=/dev/full ! fakesink");
  ASSERT_EQ(said.size(), 1U);
  EXPECT_NE(said[0].find("/dev/full"), std::string::npos) << said[0];
}

TEST(TripletJson, StopsWhileAPipeHasNoReader) {
  const std::string path = fixtures::temp_dir() + "/stuck";
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  GstElement* pipeline =
      gst_parse_launch(("videotestsrc ! tripletjson location=" + path + " ! fakesink").c_str(), nullptr);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  g_usleep(300000);
  EXPECT_EQ(gst_element_set_state(pipeline, GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
  gst_object_unref(pipeline);
}

}  // namespace
