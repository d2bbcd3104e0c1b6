// SPDX-License-Identifier: LGPL-2.1-or-later
// Makes a short clip (MJPEG in AVI, 640×480, 25 frames a second) of still photographs: each is mirrored and
// shown for three seconds (or N frames) while the view drifts, zooms in and brightens, so that no frame
// equals the photograph.
//
// usage: photo-clip [--frames N] OUT.avi PHOTO…
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <opencv2/videoio.hpp>
#include <stdexcept>
#include <string>

namespace {

constexpr int kWidth = 640;
constexpr int kHeight = 480;
constexpr double kFramesPerSecond = 25.0;
constexpr int kFramesPerPhoto = 75;

// The photograph mirrored and fitted into the frame, the rest black.
cv::Mat fitted(const std::string& path) {
  const cv::Mat photo = cv::imread(path, cv::IMREAD_COLOR);
  if (photo.empty()) {
    throw std::runtime_error(path + ": not a picture that can be read");
  }
  const double scale =
      std::min(kWidth / static_cast<double>(photo.cols), kHeight / static_cast<double>(photo.rows));
  cv::Mat small, mirrored;
  cv::resize(photo, small, {}, scale, scale, scale < 1 ? cv::INTER_AREA : cv::INTER_CUBIC);
  cv::flip(small, mirrored, 1);
  cv::Mat frame = cv::Mat::zeros(kHeight, kWidth, CV_8UC3);
  mirrored.copyTo(frame(
      cv::Rect((kWidth - mirrored.cols) / 2, (kHeight - mirrored.rows) / 2, mirrored.cols, mirrored.rows)));
  return frame;
}

// One view of the frame; `t` runs from 0 to 1.
cv::Mat view(const cv::Mat& frame, double t) {
  const double zoom = 1.0 + 0.15 * t;
  const double shift_x = kWidth * 0.03 * (t - 0.5);
  const double shift_y = kHeight * 0.02 * (0.5 - t);
  const cv::Matx23d map(zoom, 0, (1 - zoom) * kWidth / 2 + shift_x, 0, zoom,
                        (1 - zoom) * kHeight / 3 + shift_y);
  cv::Mat out;
  cv::warpAffine(frame, out, map, frame.size(), cv::INTER_LINEAR, cv::BORDER_REPLICATE);
  out.convertTo(out, -1, 0.85 + 0.3 * t, 0);
  return out;
}

void make_clip(const std::string& out, char** photos, int count, int frames) {
  cv::VideoWriter writer;
  writer.open(out, cv::CAP_OPENCV_MJPEG, cv::VideoWriter::fourcc('M', 'J', 'P', 'G'), kFramesPerSecond,
              {kWidth, kHeight});
  if (!writer.isOpened()) {
    throw std::runtime_error(out + ": cannot be written (the name must end in .avi)");
  }
  for (int i = 0; i < count; ++i) {
    const cv::Mat frame = fitted(photos[i]);
    for (int n = 0; n < frames; ++n) {
      writer.write(view(frame, n / static_cast<double>(frames - 1)));
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  int frames = kFramesPerPhoto;
  int next = 1;
  if (argc > 2 && std::strcmp(argv[1], "--frames") == 0) {
    frames = std::atoi(argv[2]);
    next = 3;
  }
  if (argc < next + 2 || frames < 2) {
    std::fprintf(stderr, "usage: photo-clip [--frames N] OUT.avi PHOTO... (N: 2 or more)\n");
    return 2;
  }
  try {
    make_clip(argv[next], argv + next + 1, argc - next - 1, frames);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "photo-clip: %s\n", error.what());
    return 1;
  }
  return 0;
}
