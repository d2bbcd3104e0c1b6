// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

namespace embed {

/// Throws Error(InvalidArgument) unless `name` is 1 to 256 bytes of UTF-8 without control characters.
void check_name(const std::string& name);

/// Throws Error(InvalidArgument) that names the identity unless all values of `row` [128] are finite.
void check_row(const std::string& name, const float* row);

}  // namespace embed
