// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

namespace embed {

/// A person's name as galleries hold it: without white space around it, and in Unicode's normal form C, so
/// that an accent gives the same name whether it was typed as one character or as two. Throws
/// Error(InvalidArgument) for an empty name, for `???` (which stands for unknown people), for more than 256
/// bytes, for text that is not UTF-8, and for control characters. Any thread.
std::string person_name(const std::string& text);

}  // namespace embed
