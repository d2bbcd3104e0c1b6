// SPDX-License-Identifier: LGPL-2.1-or-later
// What a frame costs inside libembed, by its size and by the faces in it; prints one JSON object a line:
//
//   frame-speed --weights FILE --seconds S [--detector-model FILE]
//
//   {"what": "faces", "x": faces, "seconds"}     640×480 NV12: every face cut and embedded, in passes of at
//   most 32
//   {"what": "crop", "x": width, "seconds"}      one face of a sixth of the frame's height, cut from NV12
//   {"what": "detect", "x": width, "seconds"}    faces looked for at default settings (max-side 480)
//
// Seconds a frame, the median of the repetitions that fit into S. Frames are 4:3, seeded, of smooth light and
// shade. Without OpenCV, or with --detector-model none, nothing is detected.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "embed/embedder.h"
#include "embed/preprocess.h"
#ifdef HAVE_FACES
#include "embed/faces/detector.h"
#endif

namespace {

using Clock = std::chrono::steady_clock;

/// An NV12 frame that owns its pixels.
struct Frame {
  std::vector<std::uint8_t> bytes;
  embed::ImageView view;
};

Frame make_frame(int width, int height) {
  Frame frame;
  const auto area = static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
  frame.bytes.assign(area + area / 2, 128);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const double light =
          127 + 60 * std::sin(9.0 * x / width) + 60 * std::cos(13.0 * y / height + 5.0 * x / width);
      frame.bytes[static_cast<std::size_t>(y) * static_cast<std::size_t>(width) +
                  static_cast<std::size_t>(x)] = static_cast<std::uint8_t>(light);
    }
  }
  frame.view.format = embed::PixelFormat::Nv12;
  frame.view.width = width;
  frame.view.height = height;
  frame.view.planes = {frame.bytes.data(), frame.bytes.data() + area, nullptr};
  frame.view.strides = {width, width, 0};
  return frame;
}

/// A slightly tilted face whose box is `side` wide, its corner at (x, y).
embed::FaceRegion make_region(float x, float y, float side) {
  embed::FaceRegion region;
  region.box = {x, y, side, side * 1.25F};
  const auto at = [&](float across, float down) { return embed::Point{x + across * side, y + down * side}; };
  region.landmarks = embed::Landmarks{
      {at(0.27F, 0.48F), at(0.72F, 0.53F), at(0.48F, 0.77F), at(0.3F, 0.98F), at(0.67F, 1.02F)}};
  return region;
}

double median_seconds(double seconds, const std::function<void()>& work) {
  work();
  std::vector<double> times;
  const auto begin = Clock::now();
  const auto passed = [](Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  while (times.size() < 3 || passed(begin) < seconds) {
    const auto start = Clock::now();
    work();
    times.push_back(passed(start));
  }
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
  return times[times.size() / 2];
}

void say(const char* what, int x, double seconds) {
  std::cout << nlohmann::json{{"what", what}, {"x", x}, {"seconds", seconds}} << std::endl;
}

void by_faces(const embed::Embedder& embedder, double seconds) {
  const Frame frame = make_frame(640, 480);
  for (const int faces : {0, 1, 2, 4, 8, 16, 32}) {
    std::vector<embed::FaceRegion> regions;
    for (int i = 0; i < faces; ++i) {
      const int column = i % 8, row = i / 8;
      regions.push_back(
          make_region(static_cast<float>(20 + 75 * column), static_cast<float>(20 + 110 * row), 64));
    }
    say("faces", faces, median_seconds(seconds, [&] { embedder.embed(frame.view, regions); }));
  }
}

#ifdef HAVE_FACES
std::unique_ptr<embed::faces::FaceDetector> detector_of(const std::string& model) {
  if (model == "none") return nullptr;
  embed::faces::DetectorOptions options;
  options.model = model;
  return embed::faces::make_detector(options);
}
#endif

void by_size(const embed::InputSpec& input, const std::string& detector_model, double seconds) {
#ifdef HAVE_FACES
  const auto detector = detector_of(detector_model);
#endif
  std::vector<std::uint8_t> crop(embed::crop_bytes(input));
  for (const int width : {320, 640, 960, 1280, 1920, 2880, 3840}) {
    const int height = width * 3 / 4;
    const Frame frame = make_frame(width, height);
    const auto side = static_cast<float>(height) / 6;
    const embed::FaceRegion region = make_region(2 * side, 2 * side, side);
    say("crop", width,
        median_seconds(seconds, [&] { embed::crop_face(frame.view, region, input, crop.data()); }));
#ifdef HAVE_FACES
    if (detector) say("detect", width, median_seconds(seconds, [&] { detector->detect(frame.view); }));
#endif
  }
}

std::map<std::string, std::string> parse(int argc, char** argv) {
  std::map<std::string, std::string> options{
      {"--weights", ""}, {"--seconds", "0.3"}, {"--detector-model", ""}};
  for (int i = 1; i < argc; i += 2) {
    const auto option = options.find(argv[i]);
    if (option == options.end() || i + 1 == argc) {
      throw std::invalid_argument("--weights FILE --seconds S [--detector-model FILE] expected");
    }
    option->second = argv[i + 1];
  }
  if (options["--weights"].empty()) throw std::invalid_argument("--weights is needed");
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    std::map<std::string, std::string> options = parse(argc, argv);
    const double seconds = std::stod(options["--seconds"]);
    embed::EmbedderOptions how;
    how.batch_size = 32;
    const embed::Embedder embedder(options["--weights"], how);
    by_faces(embedder, seconds);
    by_size(embedder.info().input, options["--detector-model"], seconds);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "frame-speed: %s\n", error.what());
    return 1;
  }
  return 0;
}
