// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "embed/image_view.h"

namespace embed {

/// As validate(), but also takes an image that a CUDA device reads. Any thread. Throws
/// Error(InvalidArgument).
void validate_layout(const ImageView& image);

}  // namespace embed
