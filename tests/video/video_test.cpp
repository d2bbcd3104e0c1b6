// SPDX-License-Identifier: LGPL-2.1-or-later
// The trainer's video reader, on clips that GStreamer makes on the spot.
#include "video/video.h"

#include <gst/gst.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdint>

#include "embed/error.h"
#include "fixtures.h"

namespace {

using embed::ErrorCode;
using embed::ImageView;
using video::Video;
using video::VideoOptions;

std::string in_temp(const std::string& name) {
  return fixtures::temp_dir() + "/" + name;
}

/// Runs a pipeline to its end. False where one of its elements is not installed.
bool run(const std::string& description) {
  gst_init(nullptr, nullptr);
  GError* failure = nullptr;
  GstElement* pipeline = gst_parse_launch(description.c_str(), &failure);
  const bool whole = failure == nullptr;
  g_clear_error(&failure);
  if (whole) {
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    GstBus* bus = gst_element_get_bus(pipeline);
    GstMessage* message = gst_bus_timed_pop_filtered(
        bus, 30 * GST_SECOND, static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
    EXPECT_TRUE(message != nullptr && GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS) << description;
    if (message != nullptr) gst_message_unref(message);
    gst_object_unref(bus);
    gst_element_set_state(pipeline, GST_STATE_NULL);
  }
  if (pipeline != nullptr) gst_object_unref(pipeline);
  return whole;
}

/// A clip of 64×32: the upper left quarter is white, the rest black.
std::string corner(const std::string& name, const std::string& encode, int frames = 10) {
  const std::string path = in_temp(name);
  const std::string made = "videotestsrc pattern=white num-buffers=" + std::to_string(frames) +
                           " ! video/x-raw,width=32,height=16,framerate=10/1 ! videobox right=-32 bottom=-16 "
                           "autocrop=false fill=black ! "
                           "video/x-raw,width=64,height=32 ! videoconvert ! " +
                           encode + " ! filesink location=" + path;
  return run(made) ? path : std::string();
}

int grey_at(const ImageView& frame, int x, int y) {
  return frame.planes[0][y * frame.strides[0] + 3 * x + 1];
}

/// Where the white quarter lies: "left top", …
std::string white_corner(const ImageView& frame) {
  const int left = frame.width / 4, right = frame.width * 3 / 4, top = frame.height / 4,
            bottom = frame.height * 3 / 4;
  if (grey_at(frame, left, top) > 128) return "left top";
  if (grey_at(frame, right, top) > 128) return "right top";
  if (grey_at(frame, right, bottom) > 128) return "right bottom";
  return grey_at(frame, left, bottom) > 128 ? "left bottom" : "none";
}

/// The error of reading the whole clip.
std::string refusal(const std::string& source, ErrorCode code, const VideoOptions& options = {}) {
  try {
    Video video(source, options);
    ImageView frame;
    while (video.next(frame)) {
    }
  } catch (const embed::Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    return error.what();
  }
  ADD_FAILURE() << source << " was read";
  return "";
}

void expect_words(const std::string& text, std::initializer_list<const char*> words) {
  for (const char* word : words) EXPECT_NE(text.find(word), std::string::npos) << word << " in: " << text;
}

TEST(Video, ReadsEveryFrameAndSaysItsSecond) {
  const std::string path = corner("five.avi", "jpegenc ! avimux", 5);
  if (path.empty()) GTEST_SKIP() << "no encoder";
  Video video(path);
  ImageView frame;
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(video.next(frame)) << i;
    EXPECT_EQ(frame.format, embed::PixelFormat::Bgr);
    EXPECT_EQ(frame.width, 64);
    EXPECT_EQ(frame.height, 32);
    EXPECT_EQ(white_corner(frame), "left top");
    EXPECT_NEAR(video.seconds(), 0.1 * i, 0.01);
    EXPECT_NEAR(video.end(), 0.5, 0.01);
  }
  EXPECT_FALSE(video.next(frame));
  EXPECT_FALSE(video.next(frame));
  EXPECT_EQ(video.damaged(), 0U);
  EXPECT_FALSE(video.endless());
}

/// Writes the display matrix of the clip's one track, as phones do: x' = a x + c y, y' = b x + d y.
void write_matrix(const std::string& path, int a, int b, int c, int d) {
  std::vector<std::uint8_t> bytes = fixtures::read_bytes(path);
  const std::string kind = "tkhd";
  const auto at = std::search(bytes.begin(), bytes.end(), kind.begin(), kind.end());
  ASSERT_NE(at, bytes.end());
  constexpr std::ptrdiff_t kFromKind = 44;
  const int values[] = {a, b, 0, c, d};
  for (std::ptrdiff_t i = 0; i < 5; ++i) {
    const auto fixed = static_cast<std::uint32_t>(values[i]) << 16U;
    for (std::ptrdiff_t byte = 0; byte < 4; ++byte)
      *(at + kFromKind + 4 * i + byte) = static_cast<std::uint8_t>(fixed >> (8 * (3 - byte)));
  }
  fixtures::write_bytes(path, bytes);
}

TEST(Video, IsTurnedAsTheFileSays) {
  const struct {
    const char* name;
    int a, b, c, d;
    const char* white;
    bool stands;
  } cases[] = {{"0.mov", 1, 0, 0, 1, "left top", false},
               {"90.mov", 0, 1, -1, 0, "right top", true},
               {"180.mov", -1, 0, 0, -1, "right bottom", false},
               {"270.mov", 0, -1, 1, 0, "left bottom", true}};
  for (const auto& [name, a, b, c, d, white, stands] : cases) {
    const std::string path = corner(name, "jpegenc ! qtmux");
    if (path.empty()) GTEST_SKIP() << "no encoder";
    write_matrix(path, a, b, c, d);
    Video video(path);
    ImageView frame;
    ASSERT_TRUE(video.next(frame)) << name;
    EXPECT_EQ(frame.width, stands ? 32 : 64) << name;
    EXPECT_EQ(white_corner(frame), white) << name;
    VideoOptions as_stored;
    as_stored.direction = "identity";
    Video stored(path, as_stored);
    ASSERT_TRUE(stored.next(frame)) << name;
    EXPECT_EQ(white_corner(frame), "left top") << name;
  }
}

TEST(Video, PixelsAreSquare) {
  const std::string path = in_temp("wide.mkv");
  if (!run("videotestsrc num-buffers=3 ! video/x-raw,width=64,height=32,pixel-aspect-ratio=2/1 ! x264enc ! "
           "h264parse ! "
           "matroskamux ! "
           "filesink location=" +
           path)) {
    GTEST_SKIP() << "no encoder";
  }
  Video video(path);
  ImageView frame;
  ASSERT_TRUE(video.next(frame));
  EXPECT_EQ(frame.width, frame.height * 4);
}

TEST(Video, StopsAfterTheSecondsThatAreAsked) {
  const std::string path = corner("ten.avi", "jpegenc ! avimux", 10);
  if (path.empty()) GTEST_SKIP() << "no encoder";
  VideoOptions options;
  options.seconds = 0.4;
  Video video(path, options);
  ImageView frame;
  int frames = 0;
  while (video.next(frame)) ++frames;
  EXPECT_EQ(frames, 4);
  EXPECT_NEAR(video.end(), 0.4, 0.01);
}

TEST(Video, RefusesWhatIsNoVideo) {
  expect_words(refusal(in_temp("absent.mkv"), ErrorCode::NotFound), {"absent.mkv"});
  expect_words(refusal("/dev/video-none", ErrorCode::NotFound), {"/dev/video-none"});
  expect_words(refusal("videotestsrc ! appsink", ErrorCode::NotFound), {"videotestsrc"});
  refusal("", ErrorCode::NotFound);
  expect_words(refusal(fixtures::temp_dir(), ErrorCode::Io), {"folder"});
  fixtures::write_bytes(in_temp("empty.mkv"), std::string());
  expect_words(refusal(in_temp("empty.mkv"), ErrorCode::Format), {"empty.mkv", "empty"});
  fixtures::write_bytes(in_temp("text.mkv"), std::string(5000, 'x'));
  expect_words(refusal(in_temp("text.mkv"), ErrorCode::Format), {"text.mkv"});
  if (run("audiotestsrc num-buffers=5 ! wavenc ! filesink location=" + in_temp("sound.wav")))
    expect_words(refusal(in_temp("sound.wav"), ErrorCode::Format), {"sound.wav", "no picture"});
  VideoOptions sideways;
  sideways.direction = "sideways";
  expect_words(refusal(in_temp("text.mkv"), ErrorCode::InvalidArgument, sideways), {"sideways"});
}

TEST(Video, RefusesPipesAndOtherDevicesAtOnce) {
  ASSERT_EQ(mkfifo(in_temp("fifo").c_str(), 0600), 0);
  expect_words(refusal(in_temp("fifo"), ErrorCode::Io), {"fifo", "not a regular file"});
  expect_words(refusal("/dev/zero", ErrorCode::Io), {"/dev/zero", "not a regular file"});
}

TEST(Video, SaysWhereACutClipEnds) {
  for (const char* name : {"cut.mkv", "cut.avi", "cut.mov"}) {
    const std::string extension = std::string(name).substr(4);
    // The list of frames in front, as on the web: without it a cut file has nothing to play.
    const std::string mux =
        extension == "mkv" ? "matroskamux" : (extension == "avi" ? "avimux" : "qtmux faststart=true");
    const std::string path = corner(name, "jpegenc ! " + mux, 50);
    if (path.empty()) GTEST_SKIP() << "no encoder";
    const std::vector<std::uint8_t> whole = fixtures::read_bytes(path);
    const auto half = whole.begin() + static_cast<std::ptrdiff_t>(whole.size() / 2);
    fixtures::write_bytes(path, std::vector<std::uint8_t>(whole.begin(), half));
    expect_words(refusal(path, ErrorCode::Format), {name, " after ", " s", "cut"});
  }
}

TEST(Video, CountsFramesThatAreDamagedInTheMiddle) {
  const std::string path = corner("damaged.avi", "jpegenc ! avimux", 20);
  if (path.empty()) GTEST_SKIP() << "no encoder";
  std::vector<std::uint8_t> bytes = fixtures::read_bytes(path);
  // The fifth and the sixth frame, each from its mark on.
  const std::vector<std::uint8_t> begin = {0xFF, 0xD8, 0xFF};
  auto at = bytes.begin();
  for (int frame = 0; frame < 6; ++frame) {
    at = std::search(at, bytes.end(), begin.begin(), begin.end());
    ASSERT_NE(at, bytes.end());
    if (frame >= 4) std::fill_n(at, 200, std::uint8_t{0xFF});
    ++at;
  }
  fixtures::write_bytes(path, bytes);
  Video video(path);
  ImageView frame;
  int whole = 0;
  while (video.next(frame)) ++whole;
  EXPECT_EQ(whole, 18);
  if (video.damaged() == 0)
    GTEST_SKIP() << "this GStreamer's JPEG decoder drops damaged frames and does not tell";
  EXPECT_EQ(video.damaged(), 2U);
  EXPECT_NEAR(video.first_damaged(), 0.4, 0.11);
}

TEST(Video, KeepsPasswordsOutOfErrors) {
  VideoOptions options;
  options.patience = 5;
  const std::string said =
      refusal("rtsp://user:secret@127.0.0.1:9/stream?key=hidden", ErrorCode::Io, options);
  expect_words(said, {"rtsp://127.0.0.1:9/stream"});
  EXPECT_EQ(said.find("secret"), std::string::npos) << said;
  EXPECT_EQ(said.find("hidden"), std::string::npos) << said;
}

TEST(Video, WaitsNoLongerThanTheOptionsSay) {
  // Nobody sends anything there.
  VideoOptions options;
  options.patience = 0.3;
  expect_words(refusal("udp://127.0.0.1:47113", ErrorCode::Io, options),
               {"no frame came for 0.3 s", "47113"});
}

TEST(Video, RealClip) {
  const auto data = fixtures::data_dir();
  if (!data) GTEST_SKIP() << "no real data (TRIPLETEMBED_DATA)";
  Video video(*data + "/video/bird.mkv");
  ImageView frame;
  int frames = 0, width = 0, height = 0;
  while (video.next(frame)) {
    ++frames;
    width = frame.width;
    height = frame.height;
  }
  EXPECT_EQ(frames, 63);
  EXPECT_EQ(width, 640);
  EXPECT_EQ(height, 480);
}

}  // namespace
