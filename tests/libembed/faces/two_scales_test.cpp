// SPDX-License-Identifier: LGPL-2.1-or-later
#include "faces/two_scales.h"

#include <cmath>
#include <filesystem>
#include <opencv2/imgproc.hpp>

#include "embed/faces/media.h"
#include "expect_error.h"
#include "fixtures.h"
#include "model_files.h"

namespace {

using embed::ErrorCode;
using embed::ImageView;
using embed::PixelFormat;
using embed::faces::DetectedFace;
using embed::faces::DetectorOptions;
using embed::faces::make_detector;
using embed::faces::TwoScales;

/// Says what it is told to, and notes that it was asked.
class Told final : public embed::faces::FaceDetector {
 public:
  Told(std::vector<DetectedFace> faces, int& asked) : faces_(std::move(faces)), asked_(asked) {}
  std::vector<DetectedFace> detect(const ImageView&) override {
    ++asked_;
    return faces_;
  }
  std::string description() const override { return "told"; }

 private:
  std::vector<DetectedFace> faces_;
  int& asked_;
};

DetectedFace face(float x, float y, float side, float confidence) {
  DetectedFace made;
  made.region.box = {x, y, side, side};
  made.confidence = confidence;
  return made;
}

struct Looks {
  std::vector<DetectedFace> coarse, fine;
  DetectorOptions options;
  int coarse_asked = 0, fine_asked = 0, fine_side = -1;

  std::vector<DetectedFace> detect(int width, int height, float pixel_aspect = 1) {
    options.scales = 2;
    const int coarse_side = options.max_side > 0 ? options.max_side : 480;
    TwoScales detector(options,
                       [&](const DetectorOptions& of) -> std::unique_ptr<embed::faces::FaceDetector> {
                         EXPECT_EQ(of.scales, 1);
                         EXPECT_EQ(of.max_faces, 0) << "which faces stay is decided when both have looked";
                         if (of.max_side == coarse_side) return std::make_unique<Told>(coarse, coarse_asked);
                         fine_side = of.max_side;
                         return std::make_unique<Told>(fine, fine_asked);
                       });
    const auto image = fixtures::make_image(PixelFormat::Gray8, width, height);
    ImageView view = image.view();
    view.pixel_aspect = pixel_aspect;
    return detector.detect(view);
  }
};

TEST(TwoScales, LooksOnceAtPicturesThatAreNotLarge) {
  Looks looks;
  looks.coarse = {face(0, 0, 100, 0.9F)};
  EXPECT_EQ(looks.detect(720, 400).size(), 1U);
  EXPECT_EQ(looks.fine_asked, 0);
  EXPECT_EQ(looks.detect(721, 400).size(), 1U);
  EXPECT_EQ(looks.fine_asked, 1);
  EXPECT_EQ(looks.fine_side, 4 * 480);
  looks.options.max_side = 0;
  looks.detect(640, 400);
  EXPECT_EQ(looks.fine_side, 0) << "full size";
}

TEST(TwoScales, APictureIsAsLargeAsItIsShown) {
  Looks looks;
  looks.detect(720, 400, 1.5F);
  EXPECT_EQ(looks.fine_asked, 1) << "1080 wide with square pixels";
  looks.detect(720, 288, 0.5F);
  EXPECT_EQ(looks.fine_asked, 1) << "720 wide, and 576 high";
  looks.detect(400, 600, 0.75F);
  EXPECT_EQ(looks.fine_asked, 2) << "800 high";
}

TEST(TwoScales, MergesWhatBothLooksFind) {
  Looks looks;
  looks.coarse = {face(100, 100, 300, 0.9F), face(600, 50, 60, 0.8F)};
  looks.fine = {face(602, 51, 60, 0.95F),  // The same face once more, and surer.
                face(160, 160, 60, 0.9F),  // An eye of the first.
                face(20, 20, 20, 0.85F)};  // A far face.
  const auto faces = looks.detect(1600, 1200);
  ASSERT_EQ(faces.size(), 3U);
  EXPECT_EQ(faces[0].region.box.width, 300);
  EXPECT_EQ(faces[1].region.box.x, 602);
  EXPECT_EQ(faces[2].region.box.width, 20);
  looks.options.max_faces = 1;
  EXPECT_EQ(looks.detect(1600, 1200).size(), 1U);
  looks.options.max_faces = 0;
  looks.options.min_face_size = 30;
  EXPECT_EQ(looks.detect(1600, 1200).size(), 2U);
}

TEST(TwoScales, OneOrTwoAreKnown) {
  DetectorOptions options;
  options.scales = 3;
  expect_error(ErrorCode::InvalidArgument, {"scales"}, [&] { make_detector(options); });
}

/// Of faces of LFW, each pasted into a large grey frame of its own at a size in pixels, the share that is
/// found. Prints the table of docs/tuning.md.
class Grid : public testing::Test {
 protected:
  void SetUp() override {
    const auto data = fixtures::data_dir();
    if (!data) GTEST_SKIP() << "no real data (TRIPLETEMBED_DATA)";
    options_.detector = "yunet";
    options_.model = model_files::yunet("2023mar");
    const auto detector = make_detector(options_);
    std::vector<std::string> people;
    for (const auto& person : std::filesystem::directory_iterator(*data + "/lfw")) {
      if (person.is_directory()) people.push_back(person.path().filename());
    }
    std::sort(people.begin(), people.end());
    for (const std::string& person : people) {
      const auto image = embed::faces::load_image(*data + "/lfw/" + person + "/" + person + "_0001.jpg");
      const auto found = detector->detect(image.view());
      if (found.size() != 1 || image.view().format != PixelFormat::Bgr) continue;
      const ImageView view = image.view();
      heads_.push_back(
          cv::Mat(view.height, view.width, CV_8UC3, const_cast<std::uint8_t*>(view.planes[0])).clone());
      sides_.push_back(found.front().region.box.height);
      if (heads_.size() == kHeads) break;
    }
    ASSERT_EQ(heads_.size(), kHeads);
  }

  double recall(cv::Size frame_size, double face_side) {
    const auto detector = make_detector(options_);
    std::size_t found = 0;
    for (std::size_t i = 0; i < looked_at_; ++i) {
      cv::Mat frame(frame_size, CV_8UC3, cv::Scalar::all(110)), head;
      const double scale = face_side / static_cast<double>(sides_[i]);
      cv::resize(heads_[i], head, {}, scale, scale, scale < 1 ? cv::INTER_AREA : cv::INTER_CUBIC);
      const cv::Rect at((frame.cols - head.cols) / 3, (frame.rows - head.rows) / 2, head.cols, head.rows);
      const cv::Rect seen = at & cv::Rect(cv::Point(0, 0), frame.size());
      head(seen - at.tl()).copyTo(frame(seen));
      ImageView view;
      view.format = PixelFormat::Bgr;
      view.width = frame.cols;
      view.height = frame.rows;
      view.planes[0] = frame.data;
      view.strides[0] = static_cast<std::ptrdiff_t>(frame.step[0]);
      for (const DetectedFace& one : detector->detect(view)) {
        const double ratio = one.region.box.height / face_side;
        if (ratio > 0.6 && ratio < 1.6) {
          ++found;
          break;
        }
      }
    }
    return static_cast<double>(found) / static_cast<double>(looked_at_);
  }

  static constexpr std::size_t kHeads = 10;
  std::size_t looked_at_ = 3;  // Of the heads: a second each in a large frame.
  DetectorOptions options_;
  std::vector<cv::Mat> heads_;
  std::vector<float> sides_;
};

TEST_F(Grid, FarAndCloseFacesOfLargePhotographsAreFound) {
  const cv::Size twelve_megapixels(4000, 3000);
  options_.scales = 1;
  EXPECT_LT(recall(twelve_megapixels, 60), 0.5) << "then the second look is of no use";
  options_.scales = 2;
  EXPECT_GE(recall(twelve_megapixels, 60), 0.9);
  EXPECT_GE(recall(twelve_megapixels, 118), 0.9);
  EXPECT_GE(recall(twelve_megapixels, 1500), 0.9);
  // At full size alone close faces are lost.
  options_.max_side = 0;
  EXPECT_GE(recall({3840, 2160}, 1000), 0.9);
}

/// The whole grid: `faces-test --gtest_also_run_disabled_tests --gtest_filter='Grid.*Table'`.
TEST_F(Grid, DISABLED_Table) {
  looked_at_ = kHeads;
  for (const cv::Size size :
       {cv::Size(640, 480), cv::Size(1920, 1080), cv::Size(3840, 2160), cv::Size(4000, 3000)}) {
    for (const auto& [side, scales] : {std::pair(480, 1), {480, 2}, {0, 1}, {0, 2}}) {
      options_.max_side = side;
      options_.scales = scales;
      std::printf("| %dx%d | %d | %d |", size.width, size.height, side, scales);
      for (const double pixels : {16, 24, 32, 48, 64, 118, 250, 500, 1000}) {
        if (pixels > size.height) {
          std::printf(" |");
        } else {
          std::printf(" %.0f |", 100 * recall(size, pixels));
        }
      }
      std::printf("\n");
      std::fflush(stdout);
    }
  }
}

}  // namespace
