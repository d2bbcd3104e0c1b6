// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

namespace gallery_tool {

/// Writes a file about people whole or not at all. A new one is for its owner alone; one that is there keeps
/// its mode. Throws embed::Error(Io). One thread at a time, since the umask is the process's.
void write_personal_file(const std::string& path, const std::string& bytes);

}  // namespace gallery_tool
