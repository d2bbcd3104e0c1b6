// SPDX-License-Identifier: LGPL-2.1-or-later
#include <opencv2/videoio.hpp>

#include "embed/faces/media.h"
#include "expect_error.h"
#include "fixtures.h"

namespace {

using embed::ErrorCode;
using embed::faces::VideoReader;

std::string in_temp(const std::string& name) {
  return fixtures::temp_dir() + "/" + name;
}

TEST(VideoReader, ReadsEveryFrame) {
  const std::string path = in_temp("five.avi");
  cv::VideoWriter writer(path, cv::VideoWriter::fourcc('M', 'J', 'P', 'G'), 10, cv::Size(64, 48));
  if (!writer.isOpened()) GTEST_SKIP() << "this OpenCV writes no Motion JPEG";
  for (int i = 0; i < 5; ++i) writer.write(cv::Mat(48, 64, CV_8UC3, cv::Scalar::all(40 * i + 20)));
  writer.release();

  VideoReader reader(path);
  embed::ImageView frame;
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(reader.next(frame)) << i;
    ASSERT_EQ(frame.format, embed::PixelFormat::Bgr);
    ASSERT_EQ(frame.width, 64);
    ASSERT_EQ(frame.height, 48);
    EXPECT_NEAR(frame.planes[0][20 * frame.strides[0] + 60], 40 * i + 20, 4) << i;
  }
  EXPECT_FALSE(reader.next(frame));
  EXPECT_FALSE(reader.next(frame));
}

TEST(VideoReader, RefusesWhatIsNoVideo) {
  expect_error(ErrorCode::NotFound, {"absent.mkv"}, [] { VideoReader(in_temp("absent.mkv")); });
  expect_error(ErrorCode::NotFound, {"/dev/video-none"}, [] { VideoReader("/dev/video-none"); });
  expect_error(ErrorCode::NotFound, {"videotestsrc"}, [] { VideoReader("videotestsrc ! appsink"); });
  expect_error(ErrorCode::NotFound, {}, [] { VideoReader(""); });
  expect_error(ErrorCode::Io, {"folder"}, [] { VideoReader{fixtures::temp_dir()}; });
  fixtures::write_bytes(in_temp("empty.mkv"), std::string());
  expect_error(ErrorCode::Format, {"empty.mkv", "empty"}, [] { VideoReader(in_temp("empty.mkv")); });
  fixtures::write_bytes(in_temp("text.mkv"), std::string(5000, 'x'));
  expect_error(ErrorCode::Format, {"text.mkv"}, [] { VideoReader(in_temp("text.mkv")); });
}

TEST(VideoReader, RealClip) {
  const auto data = fixtures::data_dir();
  if (!data) GTEST_SKIP() << "no real data (TRIPLETEMBED_DATA)";
  VideoReader reader(*data + "/video/bird.mkv");
  embed::ImageView frame;
  int frames = 0;
  while (reader.next(frame)) ++frames;
  EXPECT_EQ(frames, 63);
  EXPECT_EQ(frame.width, 640);
  EXPECT_EQ(frame.height, 480);
}

}  // namespace
