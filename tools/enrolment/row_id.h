// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <string>

#include "embed/gallery.h"

namespace enrolment {

/// What a row is called on command lines and in the names of crops: 12 hex digits that follow from its
/// values, time and source, so that they stay when rows around it come and go, and when it is moved.
std::string row_id(const embed::Gallery& gallery, std::size_t row, embed::Role role = embed::Role::Own);

}  // namespace enrolment
