// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "embed/model_info.h"

namespace embed::identity {

/// Writes a crop, [height, width, channels] uint8 as `input` says, to `folder`/unknown-N.ppm (grey: .pgm),
/// in the place of one that is there. A new folder and file are for their owner alone. Throws Error(Io).
void write_crop(const std::string& folder, std::uint64_t number, const std::vector<std::uint8_t>& crop,
                const InputSpec& input);

/// Removes the crops of all other numbers. A folder that is not there has none. Throws Error(Io).
void remove_crops(const std::string& folder, const std::set<std::uint64_t>& but_these);

}  // namespace embed::identity
