// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "embed/model_info.h"

namespace training::cli {

/// Makes a second kind of picture out of packed ones (`pack --transform`).
enum class Transform {
  Invert,  ///< value → 255 − value.
  /// The magnitude of the Sobel operator's two derivatives, √(gx² + gy²) / 4 rounded and cut off at 255 (one
  /// full step along an axis is 255), each channel by itself; pixels beyond the border repeat it.
  Edges,
};

/// From the words of --transform: none, invert, edges. "none" gives nothing. Throws
/// embed::Error(InvalidArgument) for other words, and for none beside others.
std::vector<Transform> parse_transforms(const std::vector<std::string>& words);

/// `crop`: [height, width, channels] uint8 of `input`, changed in place, by one transform after the other.
void apply(const std::vector<Transform>& transforms, const embed::InputSpec& input,
           std::vector<std::uint8_t>& crop);

}  // namespace training::cli
