// SPDX-License-Identifier: LGPL-2.1-or-later
#include "faces/centerface_decode.h"

#include <algorithm>
#include <cmath>

#include "faces/output_values.h"

namespace embed::faces {

namespace {

constexpr std::size_t kPoints = 5;
constexpr int kStride = 4;
/// A face's confidence is its heat to this power, which is log(0.75) / log(0.5): a heat of 0.5, the least
/// that the authors take for a face, becomes YuNet's customary 0.75, so that one score threshold serves both.
constexpr float kHeatPower = 0.41503750F;

/// The four outputs as planes of `cells` values each.
struct Planes {
  const float* heat;
  const float* scale;
  const float* offset;
  const float* landmarks;
  std::size_t cells;
};

DetectedFace from_cell(const Planes& planes, std::size_t cell, int row, int column) {
  const auto value = [&](const float* output, std::size_t plane) {
    return output[plane * planes.cells + cell];
  };
  constexpr auto stride = static_cast<float>(kStride);
  const float height = std::exp(value(planes.scale, 0)) * stride;
  const float width = std::exp(value(planes.scale, 1)) * stride;
  const float y = (static_cast<float>(row) + 0.5F + value(planes.offset, 0)) * stride;
  const float x = (static_cast<float>(column) + 0.5F + value(planes.offset, 1)) * stride;
  DetectedFace face;
  face.confidence = std::pow(std::min(planes.heat[cell], 1.0F), kHeatPower);
  face.region.box = {x - width / 2, y - height / 2, width, height};
  Landmarks points;
  // In fractions of the box, from its top left corner.
  for (std::size_t i = 0; i < kPoints; ++i) {
    points[i] = {face.region.box.x + value(planes.landmarks, 2 * i + 1) * width,
                 face.region.box.y + value(planes.landmarks, 2 * i) * height};
  }
  face.region.landmarks = points;
  return face;
}

}  // namespace

// The network's order of the five points is that of embed::Landmarks, as YuNet's is.
std::vector<DetectedFace> decode_centerface(const std::vector<cv::Mat>& outputs, cv::Size canvas,
                                            float threshold) {
  const int rows = canvas.height / kStride;
  const int columns = canvas.width / kStride;
  const std::size_t cells = static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns);
  const Planes planes = {output_values(outputs.at(0), cells, "537 (heat map)"),
                         output_values(outputs.at(1), cells * 2, "538 (scale)"),
                         output_values(outputs.at(2), cells * 2, "539 (offset)"),
                         output_values(outputs.at(3), cells * 2 * kPoints, "540 (landmarks)"), cells};
  const float least_heat = std::pow(threshold, 1 / kHeatPower);
  std::vector<DetectedFace> faces;
  std::size_t cell = 0;
  for (int row = 0; row < rows; ++row) {
    for (int column = 0; column < columns; ++column, ++cell) {
      if (!(planes.heat[cell] > 0 && planes.heat[cell] >= least_heat)) continue;  // NaN fails both
      const DetectedFace face = from_cell(planes, cell, row, column);
      if (is_usable(face)) faces.push_back(face);
    }
  }
  return faces;
}

}  // namespace embed::faces
