// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

namespace embed {

/// A person's name as galleries hold it: in Unicode's normal form C, so that an accent typed as one character
/// and as two is the same, without white space around it. Throws Error(InvalidArgument) for what is no name:
/// nothing is left,
/// `???` (which stands for those who are not known), more than 256 bytes, not UTF-8, or a control character
/// in it. Any thread.
std::string person_name(const std::string& text);

}  // namespace embed
