// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/network.h"
#include "data/packed_pictures.h"
#include "embed/dataset.h"
#include "measure/evaluator.h"

namespace training::cli {

/// Embeds crops as crop_face makes them, [count, height, width, channels] uint8. With `flip` each embedding
/// is the mean of the crop's and its mirror image's, of unit length again where the head is l2.
std::vector<embed::Embedding> embed_crops(const Network& embedder, const std::vector<std::uint8_t>& crops,
                                          bool flip);

/// Embeds packed pictures (of those with context the middle) with progress on the standard error. Throws
/// embed::Error(Mismatch) when their size or channels are not what the network takes, Error(Format) when
/// there are none.
std::vector<embed::Embedding> embed_pictures(const Network& embedder, const PackedPictures& pictures,
                                             bool flip);

/// The pictures of a set in its order; valid while the set lives.
PackedPictures pictures_of(const embed::Dataset& set);

/// Embeds every image of a packed set (of a set with context the middle) with progress on the standard error.
/// Throws embed::Error(Mismatch) when the set's size or channels are not what the network takes.
LabelledEmbeddings embed_dataset(const Network& embedder, const embed::Dataset& set, bool flip);

}  // namespace training::cli
