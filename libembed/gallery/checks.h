// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

namespace embed {

/// Throws Error(InvalidArgument) that names the identity unless all values of `row` [128] are finite.
void check_row(const std::string& name, const float* row);

}  // namespace embed
