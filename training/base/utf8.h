// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

namespace training {

/// Whether `text` can go into the metadata of a file, which is JSON. Any thread.
bool is_utf8(const std::string& text);

/// `text` with U+FFFD in place of what is not UTF-8. Any thread.
std::string to_utf8(const std::string& text);

}  // namespace training
