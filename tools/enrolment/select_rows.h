// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <vector>

#include "embed/embedding.h"

namespace enrolment {

/// Row numbers, ascending, of at most `most` embeddings that stand for all of them. Starts with the medoid
/// and takes the one that is farthest from those taken, again and again. Of more than `most` the outermost
/// `outliers` share is left out first: in a video they are somebody else, or no face.
std::vector<std::size_t> select_diverse(const std::vector<embed::Embedding>& embeddings, std::size_t most,
                                        embed::Metric metric, double outliers);

}  // namespace enrolment
