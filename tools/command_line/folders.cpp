// SPDX-License-Identifier: LGPL-2.1-or-later
#include "command_line/folders.h"

#include <algorithm>
#include <system_error>

#include "command_line/names.h"
#include "embed/error.h"

namespace command_line {

namespace fs = std::filesystem;

std::vector<fs::path> sorted_entries(const fs::path& folder) {
  std::vector<fs::path> entries;
  std::error_code failure;
  for (fs::directory_iterator it(folder, failure), end; !failure && it != end; it.increment(failure))
    entries.push_back(it->path());
  if (failure) throw embed::Error(embed::ErrorCode::Io, failure.message(), folder.string());
  std::sort(entries.begin(), entries.end(),
            [](const fs::path& a, const fs::path& b) { return NaturalLess()(a.string(), b.string()); });
  return entries;
}

fs::file_status status_of(const fs::path& path) {
  std::error_code failure;
  const fs::file_status status = fs::status(path, failure);
  if (status.type() != fs::file_type::none) return status;
  if (failure == std::errc::too_many_symbolic_link_levels) return fs::file_status(fs::file_type::not_found);
  throw embed::Error(embed::ErrorCode::Io, failure.message(), path.string());
}

}  // namespace command_line
