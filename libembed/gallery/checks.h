// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

#include "embed/gallery.h"

namespace embed {

/// Throws Error(InvalidArgument) that names the identity unless all values of `row` [128] are finite.
void check_row(const std::string& name, const float* row);

/// Throws Error(InvalidArgument) that names the field unless all fields are as Enrolment says.
void check_enrolment(const Enrolment& enrolment);

/// Throws Error(InvalidArgument) that begins with `what` unless `text` is UTF-8 of at most 4,096 bytes.
void check_text(const char* what, const std::string& text);

}  // namespace embed
