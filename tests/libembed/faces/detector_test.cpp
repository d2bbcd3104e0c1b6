// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/faces/detector.h"

#include <cstdlib>
#include <filesystem>
#include <limits>
#include <optional>

#include "embed/options.h"
#include "expect_error.h"
#include "fixtures.h"
#include "model_files.h"

namespace {

using embed::ErrorCode;
using embed::ImageView;
using embed::PixelFormat;
using embed::faces::DetectorOptions;
using embed::faces::make_detector;

/// Sets an environment variable and puts the old value back.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    setenv(name, value.c_str(), 1);
  }
  ~Variable() {
    if (old_) {
      setenv(name_, old_->c_str(), 1);
    } else {
      unsetenv(name_);
    }
  }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> old_;
};

/// Every detector that this machine can make.
std::vector<std::unique_ptr<embed::faces::FaceDetector>> detectors(DetectorOptions options = {}) {
  std::vector<std::unique_ptr<embed::faces::FaceDetector>> made;
  for (const std::string& file : model_files::all()) {
    options.model = file;
    made.push_back(make_detector(options));
  }
  options.model.clear();
  options.detector = "haar";
  try {
    made.push_back(make_detector(options));
  } catch (const embed::Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::NotFound) << error.what();
  }
  return made;
}

TEST(DetectorOptions, DefaultsAreTheTables) {
  const DetectorOptions defaults;
  const auto in_table = [](const std::string& name) {
    for (const embed::OptionSpec& option : embed::kDetectorOptions) {
      if (name == option.name) return std::string(option.default_value);
    }
    return std::string("missing");
  };
  EXPECT_EQ(in_table("detector"), defaults.detector);
  EXPECT_EQ(in_table("detector-model"), defaults.model);
  EXPECT_FLOAT_EQ(std::stof(in_table("score-threshold")), defaults.score_threshold);
  EXPECT_FLOAT_EQ(std::stof(in_table("nms-threshold")), defaults.nms_threshold);
  EXPECT_EQ(std::stoi(in_table("min-face-size")), defaults.min_face_size);
  EXPECT_EQ(std::stoi(in_table("max-faces")), defaults.max_faces);
  EXPECT_EQ(std::stoi(in_table("max-side")), defaults.max_side);
  EXPECT_EQ(in_table("scales"), "auto") << "which is the default's one look for video, two for photographs";
  EXPECT_EQ(defaults.scales, 1);
}

TEST(DetectorOptions, OutOfRangeIsRefusedByName) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto refuses = [](const char* field, const std::function<void(DetectorOptions&)>& spoil) {
    DetectorOptions options;
    spoil(options);
    expect_error(ErrorCode::InvalidArgument, {field}, [&] { make_detector(options); });
  };
  refuses("detector", [](DetectorOptions& o) { o.detector = "retina"; });
  for (const float value : {nan, -0.1F, 1.1F, std::numeric_limits<float>::infinity()}) {
    refuses("score-threshold", [value](DetectorOptions& o) { o.score_threshold = value; });
    refuses("nms-threshold", [value](DetectorOptions& o) { o.nms_threshold = value; });
  }
  for (const int value : {-1, 65'536, std::numeric_limits<int>::min()}) {
    refuses("min-face-size", [value](DetectorOptions& o) { o.min_face_size = value; });
    refuses("max-faces", [value](DetectorOptions& o) { o.max_faces = value; });
    refuses("max-side", [value](DetectorOptions& o) { o.max_side = value; });
  }
}

TEST(Detect, RefusesImagesThatAreNone) {
  auto small = fixtures::make_image(PixelFormat::I420, 16, 16);
  for (const auto& detector : detectors()) {
    expect_error(ErrorCode::InvalidArgument, {"0x0"}, [&] { detector->detect(ImageView{}); });
    ImageView view = small.view();
    view.planes[2] = nullptr;
    expect_error(ErrorCode::InvalidArgument, {"plane 2"}, [&] { detector->detect(view); });
    view = small.view();
    view.strides[0] = 3;
    expect_error(ErrorCode::InvalidArgument, {"stride"}, [&] { detector->detect(view); });
    view = small.view();
    view.width = -5;
    expect_error(ErrorCode::InvalidArgument, {"-5"}, [&] { detector->detect(view); });
  }
}

TEST(Detect, OddSizesInEveryFormat) {
  for (const int side : {0, 1, 31, 480}) {
    DetectorOptions options;
    options.max_side = side;
    for (const auto& detector : detectors(options)) {
      for (const auto& [width, height] : {std::pair(1, 1), {17, 23}, {1, 200}, {333, 2}, {64, 65}}) {
        for (const PixelFormat format : fixtures::all_formats()) {
          const auto image = fixtures::make_image(format, width, height, 5);
          EXPECT_NO_THROW(detector->detect(image.view()))
              << detector->description() << ' ' << fixtures::format_name(format) << ' ' << width << 'x'
              << height;
        }
      }
    }
  }
}

TEST(Detect, LongestSides) {
  for (const auto& detector : detectors()) {
    const std::vector<std::uint8_t> row(65'535, 90);
    ImageView view;
    view.format = PixelFormat::Gray8;
    view.width = 65'535;
    view.height = 1;
    view.planes[0] = row.data();
    view.strides[0] = 65'535;
    EXPECT_TRUE(detector->detect(view).empty());
    view.width = 1;
    view.height = 65'535;
    view.strides[0] = 1;
    EXPECT_TRUE(detector->detect(view).empty());
  }
}

TEST(Detect, FindsNothingInAFlatPicture) {
  // 64 to 512: what YuNet makes of a black picture depends on its size.
  for (const int side : {64, 320, 512}) {
    for (const std::uint8_t grey : {0, 128, 255}) {
      const std::vector<std::uint8_t> pixels(static_cast<std::size_t>(side) * static_cast<std::size_t>(side),
                                             grey);
      ImageView view;
      view.format = PixelFormat::Gray8;
      view.width = side;
      view.height = side;
      view.planes[0] = pixels.data();
      view.strides[0] = side;
      for (const auto& detector : detectors()) {
        EXPECT_TRUE(detector->detect(view).empty())
            << detector->description() << ' ' << side << ' ' << int{grey};
      }
    }
  }
}

/// A data folder of its own for a test: $XDG_DATA_HOME, its tripletembed/models, and no other folder of the
/// user's.
class DataFolder {
 public:
  DataFolder() : home_("HOME", fixtures::temp_dir()), data_("XDG_DATA_HOME", fixtures::temp_dir() + "/data") {
    std::filesystem::remove_all(fixtures::temp_dir() + "/data");
    std::filesystem::create_directories(models());
  }
  static std::string models() { return fixtures::temp_dir() + "/data/tripletembed/models"; }

 private:
  Variable home_;
  Variable data_;
};

bool system_has_models() {
  return std::filesystem::exists("/usr/share/tripletembed") ||
         std::filesystem::exists("/usr/local/share/tripletembed");
}

TEST(Auto, WithoutAnyModelTakesHaarOrSaysWhatIsMissing) {
  const DataFolder folder;
  {
    const Variable model("TRIPLETEMBED_DETECTOR", fixtures::temp_dir() + "/gone.onnx");
    expect_error(ErrorCode::NotFound, {"gone.onnx"}, [] { make_detector(); });
  }
  const Variable model("TRIPLETEMBED_DETECTOR", "");
  if (system_has_models()) GTEST_SKIP() << "this machine's system folders have models";
  DetectorOptions options;
  options.detector = "yunet";
  expect_error(ErrorCode::NotFound, {"TRIPLETEMBED_DETECTOR", "face_detection_yunet_2023mar.onnx"},
               [&] { make_detector(options); });
  options.detector = "centerface";
  expect_error(ErrorCode::NotFound, {"TRIPLETEMBED_DETECTOR", "centerface.onnx"},
               [&] { make_detector(options); });
  try {
    EXPECT_EQ(make_detector()->description().rfind("haar /", 0), 0U);
  } catch (const embed::Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::NotFound) << error.what();
  }
}

TEST(Auto, TakesTheVariableThenTheDataFolder) {
  const std::string file = model_files::yunet("2023mar");
  if (file.empty()) GTEST_SKIP() << "no real data (TRIPLETEMBED_DATA)";
  const DataFolder folder;
  const Variable model("TRIPLETEMBED_DETECTOR", "");
  const std::string copy = DataFolder::models() + "/face_detection_yunet_2023mar.onnx";
  std::filesystem::copy_file(file, copy);
  fixtures::write_bytes(DataFolder::models() + "/face_detection_yunet_2023mar_int8.onnx", std::string("no"));
  DetectorOptions yunet;
  yunet.detector = "yunet";
  EXPECT_EQ(make_detector()->description(), "yunet (2023mar) " + copy);
  EXPECT_EQ(make_detector(yunet)->description(), "yunet (2023mar) " + copy);
  const Variable other("TRIPLETEMBED_DETECTOR", file);
  EXPECT_EQ(make_detector()->description(), "yunet (2023mar) " + file);
}

TEST(Auto, TakesCenterFaceWhereThereIsNoYuNet) {
  const std::string file = model_files::centerface();
  if (file.empty()) GTEST_SKIP() << model_files::kNoCenterFace;
  const std::string yunet = model_files::yunet("2023mar");
  const DataFolder folder;
  const Variable model("TRIPLETEMBED_DETECTOR", "");
  const std::string copy = DataFolder::models() + "/centerface.onnx";
  std::filesystem::copy_file(file, copy);
  DetectorOptions centerface;
  centerface.detector = "centerface";
  if (!system_has_models()) {
    EXPECT_EQ(make_detector()->description(), "centerface " + copy);
  }
  EXPECT_EQ(make_detector(centerface)->description(), "centerface " + copy);
  DetectorOptions by_file;
  by_file.model = file;
  EXPECT_EQ(make_detector(by_file)->description(), "centerface " + file);
  if (yunet.empty()) GTEST_SKIP() << "no real data (TRIPLETEMBED_DATA)";
  const std::string better = DataFolder::models() + "/face_detection_yunet_2023mar.onnx";
  std::filesystem::copy_file(yunet, better);
  EXPECT_EQ(make_detector()->description(), "yunet (2023mar) " + better);
  EXPECT_EQ(make_detector(centerface)->description(), "centerface " + copy);
}

}  // namespace
