// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <optional>
#include <string_view>

namespace serve {

/// A file of the page that is part of the program: "index.html", "page.js", "page.css" or "icon.svg"; nothing
/// for other names. Valid as long as the program runs. Any thread.
std::optional<std::string_view> page_file(std::string_view name);

}  // namespace serve
