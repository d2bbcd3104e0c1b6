// SPDX-License-Identifier: LGPL-2.1-or-later
// On real photographs and clips; each test skips without them.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <opencv2/imgproc.hpp>
#include <opencv2/objdetect.hpp>

#include "clip.h"
#include "embed/faces/detector.h"
#include "embed/faces/media.h"
#include "expect_error.h"
#include "faces/convert.h"
#include "faces/postprocess.h"
#include "fixtures.h"
#include "model_files.h"

namespace {

using embed::ImageView;
using embed::PixelFormat;
using embed::faces::DetectedFace;
using embed::faces::DetectorOptions;
using embed::faces::Image;
using embed::faces::load_image;
using embed::faces::make_detector;

class RealFaces : public testing::Test {
 protected:
  void SetUp() override {
    const auto data = fixtures::data_dir();
    if (!data) GTEST_SKIP() << "no real data (TRIPLETEMBED_DATA)";
    data_ = *data;
  }

  DetectorOptions yunet(const std::string& month) const {
    DetectorOptions options;
    options.detector = "yunet";
    options.model = model_files::yunet(month);
    return options;
  }

  static DetectorOptions with_model(const std::string& file) {
    DetectorOptions options;
    options.model = file;
    return options;
  }

  /// The first picture of each of the first `count` people of LFW with a face in the middle.
  std::vector<std::string> photographs(std::size_t count) const {
    std::vector<std::string> paths;
    for (const auto& person : std::filesystem::directory_iterator(data_ + "/lfw")) {
      if (person.is_directory())
        paths.push_back(person.path() / (person.path().filename().string() + "_0001.jpg"));
    }
    std::sort(paths.begin(), paths.end());
    paths.resize(std::min(count, paths.size()));
    return paths;
  }

  Image first_frame(const std::string& clip) const {
    Clip reader(data_ + "/video/" + clip);
    ImageView frame;
    EXPECT_TRUE(reader.next(frame)) << clip;
    std::vector<std::uint8_t> pixels(frame.planes[0], frame.planes[0] + frame.strides[0] * frame.height);
    return Image(PixelFormat::Bgr, frame.width, frame.height, std::move(pixels));
  }

  std::string data_;
};

/// Of how many frames one is looked at: CenterFace takes five times as long as YuNet, for which it is `step`.
int step_for(const std::string& file, int step) {
  return file == model_files::centerface() ? 8 * step : step;
}

cv::Mat header(const ImageView& view) {
  return cv::Mat(view.height, view.width, CV_8UC3, const_cast<std::uint8_t*>(view.planes[0]),
                 static_cast<std::size_t>(view.strides[0]));
}

/// OpenCV takes the variance of the centre (0.1) for the width too, which halves its logarithm's distance
/// from the prior box's: its width is the geometric mean of the prior's and the right one.
bool is_opencvs_width(float width, float opencvs) {
  constexpr float kPriors[] = {10, 16, 24, 32, 48, 64, 96, 128, 192, 256};
  return std::any_of(std::begin(kPriors), std::end(kPriors),
                     [&](float prior) { return std::abs(std::sqrt(prior * width) - opencvs) < 1; });
}

TEST_F(RealFaces, AgreesWithOpenCvsOwnDecoder) {
  auto options = yunet("2022mar");
  options.max_side = 0;
  const auto detector = make_detector(options);
  int compared = 0;
  for (const std::string& path : photographs(20)) {
    const Image image = load_image(path);  // 160×160: no padding, so that both see the same input
    cv::Mat expected;
    try {
      const auto reference = cv::FaceDetectorYN::create(options.model, "", {160, 160},
                                                        options.score_threshold, options.nms_threshold);
      reference->detect(header(image.view()), expected);
    } catch (const cv::Exception&) {
      GTEST_SKIP() << "this OpenCV's FaceDetectorYN does not take the 2022mar file";
    }
    const auto faces = detector->detect(image.view());
    ASSERT_EQ(faces.size(), static_cast<std::size_t>(expected.rows)) << path;
    for (int row = 0; row < expected.rows; ++row) {
      const float* values = expected.ptr<float>(row);
      const float centre = values[0] + values[2] / 2;
      const auto match = std::find_if(faces.begin(), faces.end(), [&](const DetectedFace& face) {
        const embed::Rect& box = face.region.box;
        return std::abs(box.x + box.width / 2 - centre) < 1 && std::abs(box.y - values[1]) < 1;
      });
      ASSERT_NE(match, faces.end()) << path;
      EXPECT_NEAR(match->region.box.height, values[3], 1);
      EXPECT_TRUE(is_opencvs_width(match->region.box.width, values[2])) << path;
      EXPECT_NEAR(match->confidence, values[14], 1e-3);
      for (std::size_t i = 0; i < 5; ++i) {
        EXPECT_NEAR((*match->region.landmarks)[i].x, values[4 + 2 * i], 1);
        EXPECT_NEAR((*match->region.landmarks)[i].y, values[5 + 2 * i], 1);
      }
      ++compared;
    }
  }
  EXPECT_GE(compared, 20);
}

TEST_F(RealFaces, LandmarksGoFromLeftToRightAndFromEyesToMouth) {
  for (const std::string& file : model_files::all()) {
    const auto detector = make_detector(with_model(file));
    const auto faces = detector->detect(first_frame("milk.mkv").view());
    ASSERT_FALSE(faces.empty()) << file;
    const embed::Landmarks& points = faces[0].region.landmarks.value();
    EXPECT_LT(points[0].x + 10, points[1].x);
    EXPECT_LT(points[3].x + 8, points[4].x);
    EXPECT_LT(points[0].y, points[2].y);
    EXPECT_LT(points[1].y, points[2].y);
    EXPECT_LT(points[2].y, points[3].y);
    EXPECT_LT(points[2].y, points[4].y);
  }
}

TEST_F(RealFaces, EveryFormatAndPaddingGivesTheSameFace) {
  // An odd size, so that the canvas is padded and chroma planes are rounded up.
  const Image image = first_frame("help.mkv");
  const cv::Mat part = header(image.view())(cv::Rect(120, 0, 401, 333)).clone();
  cv::Mat rgb_picture;
  cv::cvtColor(part, rgb_picture, cv::COLOR_BGR2RGB);
  const std::vector<std::uint8_t> rgb(rgb_picture.datastart, rgb_picture.dataend);
  for (const std::string& file : model_files::all()) {
    const auto detector = make_detector(with_model(file));
    const auto reference = detector->detect(fixtures::from_rgb(rgb, 401, 333, PixelFormat::Rgb).view());
    ASSERT_EQ(reference.size(), 1U);
    const embed::Rect expected = reference[0].region.box;
    for (const PixelFormat format : fixtures::all_formats()) {
      const auto faces = detector->detect(fixtures::from_rgb(rgb, 401, 333, format, 9).view());
      ASSERT_EQ(faces.size(), 1U) << file << ' ' << fixtures::format_name(format);
      EXPECT_GT(embed::intersection_over_union(faces[0].region.box, expected), 0.9F)
          << file << ' ' << fixtures::format_name(format);
    }
  }
}

TEST_F(RealFaces, ReducedAndFullSizeAgree) {
  const Image image = first_frame("bird.mkv");
  for (const std::string& file : model_files::all()) {
    for (const int side : {0, 480, 333}) {
      auto options = with_model(file);
      options.max_side = side;
      // CenterFace may find the bystander at the edge too, whose head is the larger.
      options.max_faces = file == model_files::centerface() ? 2 : 1;
      const auto faces = make_detector(options)->detect(image.view());
      ASSERT_FALSE(faces.empty()) << file << ' ' << side;
      const auto overlap = embed::intersection_over_union(faces.back().region.box, {275, 52, 65, 86});
      EXPECT_GT(overlap, 0.7F) << file << ' ' << side;
    }
  }
}

TEST_F(RealFaces, FilterOptions) {
  const Image image = first_frame("classroom.mkv");
  auto options = yunet("2023mar");
  const auto all = make_detector(options)->detect(image.view());
  ASSERT_EQ(all.size(), 4U);
  for (std::size_t i = 1; i < all.size(); ++i) {
    const auto area = [&](std::size_t n) { return all[n].region.box.width * all[n].region.box.height; };
    EXPECT_GE(area(i - 1), area(i));
  }
  options.max_faces = 2;
  EXPECT_EQ(make_detector(options)->detect(image.view()).size(), 2U);
  options.max_faces = 0;
  options.min_face_size = 100;
  EXPECT_TRUE(make_detector(options)->detect(image.view()).empty());
  options.min_face_size = 0;
  options.score_threshold = 1;
  EXPECT_TRUE(make_detector(options)->detect(image.view()).empty());
}

TEST_F(RealFaces, FourFacesInEveryFrameOfTheClassroom) {
  for (const std::string& file : model_files::all()) {
    const auto detector = make_detector(with_model(file));
    Clip reader(data_ + "/video/classroom.mkv");
    ImageView frame;
    for (int i = 0; reader.next(frame); ++i) {
      if (i % step_for(file, 1) != 0) continue;
      EXPECT_EQ(detector->detect(frame).size(), 4U) << file << ' ' << i;
    }
  }
}

TEST_F(RealFaces, NoFaceInAnEmptyScene) {
  for (const std::string& file : model_files::all()) {
    const auto detector = make_detector(with_model(file));
    Clip reader(data_ + "/video/one-by-one-person-detection.mp4");
    ImageView frame;
    int with_face = 0;
    for (int i = 0; i < 300 && reader.next(frame); ++i) {
      if (i % step_for(file, 3) == 0 && !detector->detect(frame).empty()) ++with_face;
    }
    EXPECT_LE(with_face, 1) << file;
  }
}

TEST_F(RealFaces, CenterFaceFindsEveryFaceThatYuNetFinds) {
  if (model_files::centerface().empty()) GTEST_SKIP() << model_files::kNoCenterFace;
  const auto reference = make_detector(yunet("2023mar"));
  const auto detector = make_detector(with_model(model_files::centerface()));
  for (const char* clip : {"carphone_pristine.mp4", "classroom.mkv", "face-demographics-walking.mkv",
                           "head-pose-face-detection-female-and-male.mkv"}) {
    Clip reader(data_ + "/video/" + clip);
    ImageView frame;
    for (int i = 0; i < 60 && reader.next(frame); ++i) {
      if (i % 10 != 0) continue;
      const auto faces = detector->detect(frame);
      for (const DetectedFace& expected : reference->detect(frame)) {
        EXPECT_TRUE(std::any_of(faces.begin(), faces.end(),
                                [&](const DetectedFace& face) {
                                  return embed::intersection_over_union(face.region.box,
                                                                        expected.region.box) > 0.5F;
                                }))
            << clip << ' ' << i;
      }
    }
  }
}

TEST_F(RealFaces, AFrameOfAnotherSizeBetweenChangesNothing) {
  const Image image = first_frame("milk.mkv");
  const Image other = first_frame("carphone_pristine.mp4");
  for (const std::string& file : model_files::all()) {
    const auto detector = make_detector(with_model(file));
    const auto expected = detector->detect(image.view());
    detector->detect(other.view());
    const auto faces = detector->detect(image.view());
    ASSERT_EQ(faces.size(), expected.size()) << file;
    ASSERT_EQ(faces.size(), 1U) << file;
    EXPECT_EQ(faces[0].confidence, expected[0].confidence) << file;
    EXPECT_EQ(faces[0].region.box.x, expected[0].region.box.x) << file;
  }
}

TEST_F(RealFaces, ATinyAndATallFrame) {
  const auto detector = make_detector(yunet("2023mar"));
  Clip reader(data_ + "/video/carphone_pristine.mp4");
  ImageView frame;
  for (int i = 0; i < 40 && reader.next(frame); ++i) EXPECT_EQ(detector->detect(frame).size(), 1U) << i;

  const Image image = first_frame("bird.mkv");
  cv::Mat tall(2000, 640, CV_8UC3, cv::Scalar::all(0));
  header(image.view()).copyTo(tall(cv::Rect(0, 1200, 640, 480)));
  ImageView view = image.view();
  view.height = tall.rows;
  view.planes[0] = tall.data;
  view.strides[0] = static_cast<std::ptrdiff_t>(tall.step[0]);
  const auto faces = detector->detect(view);
  ASSERT_EQ(faces.size(), 1U);
  EXPECT_GT(faces[0].region.box.y, 1200);
}

TEST_F(RealFaces, HaarBoxesLieWhereYuNetsDo) {
  DetectorOptions options;
  options.detector = "haar";
  std::unique_ptr<embed::faces::FaceDetector> haar;
  try {
    haar = make_detector(options);
  } catch (const embed::Error&) {
    GTEST_SKIP() << "no Haar cascade on this machine";
  }
  const auto detector = make_detector(yunet("2023mar"));
  int found = 0;
  int close = 0;
  for (const std::string& path : photographs(60)) {
    const Image image = load_image(path);
    const auto expected = detector->detect(image.view());
    const auto faces = haar->detect(image.view());
    if (faces.empty() || expected.empty()) continue;
    ++found;
    EXPECT_FALSE(faces[0].region.landmarks.has_value());
    EXPECT_EQ(faces[0].confidence, 1);
    if (embed::intersection_over_union(faces[0].region.box, expected[0].region.box) > 0.6F) ++close;
  }
  EXPECT_GE(found, 50);
  EXPECT_GE(close, found * 9 / 10);
}

}  // namespace
