// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace embed::faces {

/// The whole content of a regular file of at most 1 GiB. Throws Error(NotFound | Io | Format) that names the
/// file.
std::vector<std::uint8_t> read_file(const std::string& path);

}  // namespace embed::faces
