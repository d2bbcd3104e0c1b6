// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace training {

/// The whole of a file of at most `largest` bytes. Nothing is allocated for a larger one. Thread-safe. Throws
/// embed::Error that names the file: NotFound, Io (no regular file, or it cannot be read to its end) and
/// Format (too large).
std::vector<std::uint8_t> read_file(const std::string& path, std::uint64_t largest);

}  // namespace training
