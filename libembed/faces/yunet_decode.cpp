// SPDX-License-Identifier: LGPL-2.1-or-later
#include "faces/yunet_decode.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "faces/output_values.h"

namespace embed::faces {

namespace {

constexpr std::size_t kPoints = 5;

/// √(a·b) of two probabilities that may leave [0, 1] by rounding; NaN becomes 0.
float joint_score(float a, float b) {
  const auto clamp = [](float value) { return value > 0 ? std::min(value, 1.0F) : 0.0F; };
  return std::sqrt(clamp(a) * clamp(b));
}

Rect around(float x, float y, float width, float height) {
  return {x - width / 2, y - height / 2, width, height};
}

/// One level of 2022mar's anchors: cells of `stride` pixels, several square priors in each.
struct PriorLevel {
  int stride;
  int count;
  std::array<float, 3> sizes;
};
constexpr PriorLevel kPriorLevels[] = {
    {8, 3, {10, 16, 24}}, {16, 2, {32, 48, 0}}, {32, 2, {64, 96, 0}}, {64, 3, {128, 192, 256}}};
constexpr std::size_t kLocValues = 4 + 2 * kPoints;
constexpr float kCentreVariance = 0.1F;
// For height and width. OpenCV's own decoder takes 0.1 for the width; over 486 faces, widths decoded with 0.2
// agree with those of the 2023mar file to 4 % (standard deviation), with 0.1 to 6–10 %.
constexpr float kSizeVariance = 0.2F;

DetectedFace from_prior(const float* loc, float x, float y, float size, float score) {
  const float step = kCentreVariance * size;
  DetectedFace face;
  face.confidence = score;
  face.region.box = around(x + loc[0] * step, y + loc[1] * step, size * std::exp(loc[2] * kSizeVariance),
                           size * std::exp(loc[3] * kSizeVariance));
  Landmarks points;
  for (std::size_t i = 0; i < kPoints; ++i)
    points[i] = {x + loc[4 + 2 * i] * step, y + loc[5 + 2 * i] * step};
  face.region.landmarks = points;
  return face;
}

DetectedFace from_cell(const float* box, const float* keypoints, int column, int row, int stride,
                       float score) {
  const auto step = static_cast<float>(stride);
  const auto x = static_cast<float>(column);
  const auto y = static_cast<float>(row);
  DetectedFace face;
  face.confidence = score;
  face.region.box =
      around((x + box[0]) * step, (y + box[1]) * step, std::exp(box[2]) * step, std::exp(box[3]) * step);
  Landmarks points;
  for (std::size_t i = 0; i < kPoints; ++i) {
    points[i] = {(x + keypoints[2 * i]) * step, (y + keypoints[2 * i + 1]) * step};
  }
  face.region.landmarks = points;
  return face;
}

}  // namespace

// The network's own order of the five points (the person's right eye, left eye, nose, right and left mouth
// corner) is that of embed::Landmarks: a person's right is the image's left.

std::vector<DetectedFace> decode_march_2022(const std::vector<cv::Mat>& outputs, cv::Size canvas,
                                            float threshold) {
  std::size_t priors = 0;
  for (const PriorLevel& level : kPriorLevels) {
    priors += static_cast<std::size_t>(canvas.width / level.stride) *
              static_cast<std::size_t>(canvas.height / level.stride) * static_cast<std::size_t>(level.count);
  }
  const float* loc = output_values(outputs.at(0), priors * kLocValues, "loc");
  const float* conf = output_values(outputs.at(1), priors * 2, "conf");
  const float* iou = output_values(outputs.at(2), priors, "iou");

  std::vector<DetectedFace> faces;
  for (const PriorLevel& level : kPriorLevels) {
    for (int row = 0; row < canvas.height / level.stride; ++row) {
      for (int column = 0; column < canvas.width / level.stride; ++column) {
        for (int i = 0; i < level.count; ++i, loc += kLocValues, conf += 2, ++iou) {
          const float score = joint_score(conf[1], *iou);
          if (score < threshold) continue;
          const auto stride = static_cast<float>(level.stride);
          const DetectedFace face = from_prior(loc, (static_cast<float>(column) + 0.5F) * stride,
                                               (static_cast<float>(row) + 0.5F) * stride,
                                               level.sizes[static_cast<std::size_t>(i)], score);
          if (is_usable(face)) faces.push_back(face);
        }
      }
    }
  }
  return faces;
}

std::vector<DetectedFace> decode_march_2023(const std::vector<cv::Mat>& outputs, cv::Size canvas,
                                            float threshold) {
  constexpr std::array<int, 3> strides = {8, 16, 32};
  std::vector<DetectedFace> faces;
  for (std::size_t level = 0; level < strides.size(); ++level) {
    const int stride = strides[level];
    const int columns = canvas.width / stride;
    const int rows = canvas.height / stride;
    const std::size_t cells = static_cast<std::size_t>(columns) * static_cast<std::size_t>(rows);
    const float* cls = output_values(outputs.at(level), cells, "cls");
    const float* obj = output_values(outputs.at(3 + level), cells, "obj");
    const float* box = output_values(outputs.at(6 + level), cells * 4, "bbox");
    const float* keypoints = output_values(outputs.at(9 + level), cells * 2 * kPoints, "kps");
    for (int row = 0; row < rows; ++row) {
      for (int column = 0; column < columns; ++column, ++cls, ++obj, box += 4, keypoints += 2 * kPoints) {
        const float score = joint_score(*cls, *obj);
        if (score < threshold) continue;
        const DetectedFace face = from_cell(box, keypoints, column, row, stride, score);
        if (is_usable(face)) faces.push_back(face);
      }
    }
  }
  return faces;
}

}  // namespace embed::faces
