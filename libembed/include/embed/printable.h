// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <string_view>

namespace embed {

/// Text that came out of a file, for example a name, made safe to show on a terminal. Control characters
/// could move the cursor, change colours or hide text, so they become `\u001b` and the like, and so do
/// characters that change the direction of writing. Control characters in `keep` stay. Bytes that are not
/// UTF-8 stay, except those that a terminal may take for a control character (0x80 to 0x9F), which become
/// `\x9b` and the like. Any thread.
std::string printable(std::string_view text, std::string_view keep = {});

}  // namespace embed
