// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>

#include "embed/gallery.h"
#include "gallery/output.h"
#include "gallery/threshold.h"

namespace gallery_tool {

/// All that `check` finds as one object, without the gallery's name; of each kind the `most` worst ones.
/// Builds the gallery's means. Throws as threshold_of().
Json check_report(embed::Gallery& gallery, const ThresholdOptions& options, std::size_t most);

}  // namespace gallery_tool
