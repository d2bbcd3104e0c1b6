// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>

#include "embed/model_info.h"
#include "image/quality_grid.h"

namespace embed {

/// Whether something hides the eyes or the mouth of a face that looks into the camera: dark and plain where
/// the eyes would be (sunglasses), or no mouth and another colour or brightness than the cheeks (a mask).
/// `crop` was cut by five points, and `grid` was made of it. Where the crop is too tight to see, nothing
/// does. Any thread.
bool is_covered(const InputSpec& input, const std::uint8_t* crop, const QualityGrid& grid) noexcept;

}  // namespace embed
