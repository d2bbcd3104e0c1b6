// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>

#include "data/augment/host_device.h"

namespace training {

/// Nodes along each side of a smooth warp: it bends at the scale of a stroke.
constexpr int kElasticNodes = 6;

/// What happens to one picture, in plain numbers that a GPU can read. A new plan does nothing.
struct AugmentPlan {
  /// From a place in the network's picture to one in the packed picture, both relative to their centres:
  /// (a·x + b·y + c, d·x + e·y + f).
  float a = 1, b = 0, c = 0, d = 0, e = 1, f = 0;
  int warped = 0;                                       ///< Whether the nodes count.
  float nodes[2 * kElasticNodes * kElasticNodes] = {};  ///< Shifts along x, then along y, in pixels.
  int blur_radius = 0;                                  ///< Of a box filter; 0: none.
  int recoloured = 0;                                   ///< Whether the next four count.
  float gain = 1, offset = 0, gamma = 1, saturation = 1;
  int covered_left = 0, covered_top = 0, covered_width = 0, covered_height = 0;
  float paint[3] = {};   ///< Of the covered rectangle, 0 to 255.
  int jpeg_quality = 0;  ///< 1 to 100; 0: none.
};

/// A level of a blend of two pictures, of which the other one weighs `weight` of 256.
TRAINING_HOST_DEVICE inline std::uint8_t blended(std::uint8_t own, std::uint8_t other, std::uint32_t weight) {
  return static_cast<std::uint8_t>((own * (256 - weight) + other * weight + 128) >> 8U);
}

/// A packed picture of the training set, or the blend of two, and what happens to it.
struct AugmentItem {
  std::uint32_t row = 0, partner = 0;
  std::uint32_t partner_weight = 0;  ///< Of 256; 0: no blend.
  /// Where the partner's part of the packed picture begins; 0: it has none.
  std::uint32_t cut_row = 0, cut_column = 0;
  AugmentPlan plan;
};

}  // namespace training
