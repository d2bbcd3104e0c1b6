// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "identity/stranger_groups.h"

namespace embed::identity {

/// What a file of strangers holds.
struct StrangersContent {
  std::vector<Group> groups;                      // By ascending numbers; members with stream 0.
  std::map<std::uint64_t, std::uint64_t> joined;  // As StrangerGroups::joined().
  std::uint64_t last_number = 0;
  std::vector<std::string> cameras;  // What Member::camera counts into.
};

/// Writes it atomically; a new file can be read by its owner alone. Throws Error(Io).
void write_strangers(const std::string& path, const std::string& weights_sha256,
                     const StrangersContent& content);

/// Every field is checked before it is used. Throws Error(NotFound | Io | Format | OutOfMemory), and
/// Error(Mismatch) for a file of other weights.
StrangersContent read_strangers(const std::string& path, const std::string& weights_sha256);
/// The same, whichever weights the file was made with.
StrangersContent read_strangers(const std::string& path);

}  // namespace embed::identity
