// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

namespace gallery_tool {

/// Text as a page shows it, in an element or in an attribute's quotes: nothing of it is markup. Control
/// characters are escaped, bytes that are not UTF-8 become U+FFFD, and of more than some 80 bytes the first
/// are shown.
std::string html_text(const std::string& text);

/// Bytes as `data:TYPE;base64,…`.
std::string data_uri(const std::string& type, const std::string& bytes);

}  // namespace gallery_tool
