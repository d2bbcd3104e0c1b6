// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <filesystem>
#include <vector>

namespace command_line {

/// What lies in a folder, in the order of NaturalLess. Throws embed::Error(Io) that names the folder.
std::vector<std::filesystem::path> sorted_entries(const std::filesystem::path& folder);

/// Of what a link leads to, where it ends: a circle of links is not there. Throws embed::Error(Io) where that
/// cannot be found out, as in a folder that may not be searched.
std::filesystem::file_status status_of(const std::filesystem::path& path);

}  // namespace command_line
