// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/transform.h"

#include <algorithm>
#include <cmath>

#include "embed/error.h"

namespace training::cli {

namespace {

void invert(std::vector<std::uint8_t>& crop) {
  for (std::uint8_t& value : crop) value = static_cast<std::uint8_t>(255 - value);
}

void edges(const embed::InputSpec& input, std::vector<std::uint8_t>& crop) {
  const std::vector<std::uint8_t> from = crop;
  for (int y = 0; y < input.height; ++y) {
    for (int x = 0; x < input.width; ++x) {
      for (int c = 0; c < input.channels; ++c) {
        const auto index = [&](int dx, int dy) {
          const int column = std::clamp(x + dx, 0, input.width - 1);
          const int row = std::clamp(y + dy, 0, input.height - 1);
          return static_cast<std::size_t>((row * input.width + column) * input.channels + c);
        };
        const auto at = [&](int dx, int dy) { return static_cast<int>(from[index(dx, dy)]); };
        const int gx = at(1, -1) + 2 * at(1, 0) + at(1, 1) - at(-1, -1) - 2 * at(-1, 0) - at(-1, 1);
        const int gy = at(-1, 1) + 2 * at(0, 1) + at(1, 1) - at(-1, -1) - 2 * at(0, -1) - at(1, -1);
        const double magnitude = std::hypot(gx, gy) / 4;
        crop[index(0, 0)] = static_cast<std::uint8_t>(std::min(255L, std::lround(magnitude)));
      }
    }
  }
}

}  // namespace

std::vector<Transform> parse_transforms(const std::vector<std::string>& words) {
  std::vector<Transform> transforms;
  for (const std::string& word : words) {
    if (word == "none" && words.size() == 1) break;
    if (word == "invert") {
      transforms.push_back(Transform::Invert);
    } else if (word == "edges") {
      transforms.push_back(Transform::Edges);
    } else {
      throw embed::Error(
          embed::ErrorCode::InvalidArgument,
          "--transform: none, or invert and edges in the order wanted, expected, not '" + word + "'");
    }
  }
  return transforms;
}

void apply(const std::vector<Transform>& transforms, const embed::InputSpec& input,
           std::vector<std::uint8_t>& crop) {
  for (const Transform transform : transforms) {
    if (transform == Transform::Invert) {
      invert(crop);
    } else {
      edges(input, crop);
    }
  }
}

}  // namespace training::cli
