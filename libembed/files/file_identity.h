// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

namespace embed {

/// The file by its place on the disk and its state: the same text for the same file under any name, another
/// one for what was written over it or took its place. The path itself for a file that cannot be found.
std::string file_identity(const std::string& path);

}  // namespace embed
