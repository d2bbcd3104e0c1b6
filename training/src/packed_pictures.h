// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace training {

/// Pictures as they are packed, borrowed from the data set that holds them.
struct PackedPictures {
  std::vector<const std::uint8_t*> images;  ///< [N], each [height, width, channels] uint8, RGB or grey.
  int width = 0, height = 0, channels = 0;
  float context = 1.0F;  ///< Dataset::context().
  std::string path;      ///< Of the set, for messages.
};

}  // namespace training
