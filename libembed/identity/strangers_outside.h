// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <set>
#include <string>

namespace embed::identity {

/// Groups that other processes want forgotten stand in the file FILE.forget, a label a line. Who reads it to
/// act on it, or changes it, holds the FileLock of wishes_file(). Who holds that may try the lock of FILE,
/// but not wait for it, since a pipeline has that one for as long as it runs.
std::string wishes_file(const std::string& path);
/// Empty where there is no such file. Throws Error(Io | Format).
std::set<std::uint64_t> read_wishes(const std::string& path);
/// Once the groups are gone from FILE. Throws Error(Io).
void drop_wishes(const std::string& path);

}  // namespace embed::identity
