// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gallery/search/rows.h"

namespace embed {

/// The rows, and after them the mean of each identity that has two or more: of length 1 where all its rows
/// are, see Gallery::build_means(). A mean without a direction is left out.
GalleryRows rows_with_means(const GalleryRows& rows);

}  // namespace embed
