// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "embed/dataset.h"
#include "embed/embedder.h"
#include "evaluator.h"

namespace training::cli {

/// Embeds crops as crop_face makes them, [count, height, width, channels] uint8. With `flip` each embedding
/// is the mean of the crop's and its mirror image's, of unit length again where the head is l2.
std::vector<embed::Embedding> embed_crops(const embed::Embedder& embedder,
                                          const std::vector<std::uint8_t>& crops, bool flip);

/// Embeds every image of a packed set (of a set with context the middle) with progress on the standard error.
/// Throws embed::Error(Mismatch) when the set's size or channels are not what the network takes.
LabelledEmbeddings embed_dataset(const embed::Embedder& embedder, const embed::Dataset& set, bool flip);

}  // namespace training::cli
