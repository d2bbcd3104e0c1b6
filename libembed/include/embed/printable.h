// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <string_view>

namespace embed {

/// Text of a file, a name for one, as it may be shown on a terminal: control characters, with which a text
/// could move the cursor, change colours or hide what is written, become `\u001b` and the like, those that
/// turn the direction of writing too. `keep` are control characters that stay. Bytes that are not UTF-8 stay
/// unless a terminal may take them for a control character (0x80 to 0x9F), which become `\x9b`. Any thread.
std::string printable(std::string_view text, std::string_view keep = {});

}  // namespace embed
