// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <string>

namespace embed::faces {

/// Refuses a picture of more than `max_pixels` (0: no limit). Throws Error(Format) that names `path`,
/// the size and the limit.
void require_pixels(std::int64_t width, std::int64_t height, std::int64_t max_pixels,
                    const std::string& path);

}  // namespace embed::faces
