// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "embed/image_view.h"

namespace embed {

/// What validate checks, whoever is to read the pixels. Any thread. Throws Error(InvalidArgument).
void validate_layout(const ImageView& image);

}  // namespace embed
