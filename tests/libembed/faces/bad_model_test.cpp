// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/faces/detector.h"
#include "expect_error.h"
#include "fixtures.h"
#include "model_files.h"

namespace {

using embed::ErrorCode;
using embed::faces::DetectorOptions;
using embed::faces::make_detector;

std::string in_temp(const std::string& name) {
  return fixtures::temp_dir() + "/" + name;
}

DetectorOptions with_model(const std::string& detector, const std::string& model) {
  DetectorOptions options;
  options.detector = detector;
  options.model = model;
  return options;
}

/// One length-delimited field of a protocol buffer; shorter than 128 bytes.
std::string field(int number, const std::string& content) {
  std::string bytes;
  bytes.push_back(static_cast<char>(number << 3 | 2));
  bytes.push_back(static_cast<char>(content.size()));
  return bytes + content;
}

std::string number(int field_number, int value) {
  return {static_cast<char>(field_number << 3), static_cast<char>(value)};
}

/// A whole ONNX model of one operation: y = Relu(x), both [1, 3, 8, 8] float32.
std::string relu_model() {
  const auto tensor = [](const std::string& name) {
    std::string shape;
    for (const int size : {1, 3, 8, 8}) shape += field(1, number(1, size));
    return field(1, name) + field(2, field(1, number(1, 1) + field(2, shape)));
  };
  const std::string node = field(1, "x") + field(2, "y") + field(3, "n") + field(4, "Relu");
  const std::string graph = field(1, node) + field(2, "g") + field(11, tensor("x")) + field(12, tensor("y"));
  return number(1, 7) + field(7, graph) + field(8, number(2, 11));
}

TEST(BadModel, MissingFile) {
  for (const char* detector : {"auto", "yunet", "centerface", "haar"}) {
    expect_error(ErrorCode::NotFound, {"absent.onnx"},
                 [&] { make_detector(with_model(detector, in_temp("absent.onnx"))); });
  }
}

TEST(BadModel, FolderInPlaceOfAFile) {
  expect_error(ErrorCode::Io, {fixtures::temp_dir()},
               [] { make_detector(with_model("yunet", fixtures::temp_dir())); });
}

TEST(BadModel, EmptyFile) {
  fixtures::write_bytes(in_temp("empty.onnx"), std::string());
  expect_error(ErrorCode::Format, {"empty.onnx", "empty", "2023mar"},
               [] { make_detector(with_model("auto", in_temp("empty.onnx"))); });
  expect_error(ErrorCode::Format, {"empty.onnx", "empty", "haarcascade"},
               [] { make_detector(with_model("haar", in_temp("empty.onnx"))); });
}

TEST(BadModel, Garbage) {
  std::string garbage;
  for (int i = 0; i < 4096; ++i) garbage.push_back(static_cast<char>((i * 2654435761U) >> 13U));
  fixtures::write_bytes(in_temp("garbage.onnx"), garbage);
  for (const char* detector : {"yunet", "centerface", "haar"}) {
    expect_error(ErrorCode::Format, {"garbage.onnx", "; take "},
                 [&] { make_detector(with_model(detector, in_temp("garbage.onnx"))); });
  }
}

TEST(BadModel, AnotherNetwork) {
  fixtures::write_bytes(in_temp("relu.onnx"), relu_model());
  expect_error(
      ErrorCode::Format,
      {"relu.onnx", "not YuNet", "face_detection_yunet_2022mar.onnx", "face_detection_yunet_2023mar.onnx"},
      [] { make_detector(with_model("auto", in_temp("relu.onnx"))); });
  expect_error(ErrorCode::Format, {"relu.onnx", "not CenterFace", "centerface.onnx"},
               [] { make_detector(with_model("auto", in_temp("relu.onnx"))); });
  expect_error(ErrorCode::Format, {"relu.onnx", "not CenterFace", "take centerface.onnx"},
               [] { make_detector(with_model("centerface", in_temp("relu.onnx"))); });
  expect_error(ErrorCode::Format, {"relu.onnx", "not YuNet", "take face_detection_yunet_2023mar.onnx"},
               [] { make_detector(with_model("yunet", in_temp("relu.onnx"))); });
}

TEST(BadModel, TheOtherDetectorsFile) {
  const std::string centerface = model_files::centerface();
  if (centerface.empty()) GTEST_SKIP() << model_files::kNoCenterFace;
  expect_error(ErrorCode::Format,
               {centerface, "a centerface model", "detector=yunet", "face_detection_yunet_2023mar.onnx"},
               [&] { make_detector(with_model("yunet", centerface)); });
  const std::string yunet = model_files::yunet("2023mar");
  if (yunet.empty()) GTEST_SKIP() << "no real data (TRIPLETEMBED_DATA)";
  expect_error(ErrorCode::Format, {yunet, "a yunet model", "detector=centerface", "centerface.onnx"},
               [&] { make_detector(with_model("centerface", yunet)); });
}

TEST(BadModel, XmlThatIsNoCascade) {
  fixtures::write_bytes(in_temp("page.xml"), std::string("<html><body>not found</body></html>\n"));
  fixtures::write_bytes(in_temp("cut.xml"),
                        std::string("<?xml version=\"1.0\"?>\n<opencv_storage>\n<cascade"));
  fixtures::write_bytes(
      in_temp("other.xml"),
      std::string("<?xml version=\"1.0\"?>\n<opencv_storage>\n<a>1</a>\n</opencv_storage>\n"));
  for (const char* name : {"page.xml", "cut.xml", "other.xml"}) {
    for (const char* detector : {"auto", "haar"}) {
      expect_error(ErrorCode::Format, {name, "haarcascade_frontalface_default.xml"},
                   [&] { make_detector(with_model(detector, in_temp(name))); });
    }
  }
}

TEST(BadModel, Truncated) {
  const auto files = model_files::all();
  if (files.empty()) GTEST_SKIP() << "no real data (TRIPLETEMBED_DATA)";
  for (const std::string& file : files) {
    const auto whole = fixtures::read_bytes(file);
    for (const std::size_t keep : {std::size_t{10}, whole.size() / 4, whole.size() / 2, whole.size() - 1}) {
      fixtures::write_bytes(in_temp("cut.onnx"), std::vector<std::uint8_t>(
                                                     whole.begin(), whole.begin() + static_cast<long>(keep)));
      for (const char* detector : {"auto", "yunet", "centerface"}) {
        const char* expected = std::string(detector) == "centerface" ? "take centerface.onnx" : "2023mar";
        expect_error(ErrorCode::Format, {"cut.onnx", expected},
                     [&] { make_detector(with_model(detector, in_temp("cut.onnx"))); });
      }
    }
  }
}

}  // namespace
