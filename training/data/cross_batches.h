// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "data/batch_sampler.h"
#include "data/training_set.h"

/// Batches where pictures are of two kinds (a photo and a sketch): what is compared is always one picture of
/// the first kind and one of the second. Functions of their arguments alone.
namespace training {

/// The founding note's triplets across the kinds. `first`, `second`: [N], [M], the rows' labels, each in
/// [0, classes). The rows of each class are shuffled by kind; anchor i of the first kind goes with positive
/// i + 1 of the second, the shorter list begins again when it ends. The negative is of the second kind, its
/// class drawn uniformly from the others, then itself from that class. A class with n rows of the more
/// frequent kind gives n − 1 triplets (one for n = 1); a class without one of the kinds gives none. Anchors
/// are row numbers of `first`, positives and negatives of `second`. Throws embed::Error(InvalidArgument) when
/// fewer than two classes are in `second`, or no class is in both.
std::vector<TripletIndices> cross_triplets(const std::vector<std::int64_t>& first,
                                           const std::vector<std::int64_t>& second, std::size_t classes,
                                           std::uint64_t seed);

/// Batches of `identities` different classes with `images_each` rows of each kind: first the rows of the
/// first kind, identity by identity, then those of the second in the same order. An epoch sees nearly every
/// row of the more frequent kind once; classes with fewer rows repeat them. Row numbers are those of
/// `list`. Throws embed::Error(InvalidArgument) when fewer classes than `identities` have both kinds.
std::vector<BatchPlan> cross_pk_batches(const ImageList& list, std::size_t identities,
                                        std::size_t images_each, std::uint64_t seed);

/// Shuffled batches for losses that look at single pictures: half of each is of the first kind, the rest, as
/// many, of the second. ⌈2 · rows of the more frequent kind / batch_size⌉ of them; the other kind repeats its
/// rows. `batch_size` ≥ 2.
std::vector<BatchPlan> cross_shuffled_batches(const ImageList& list, std::size_t batch_size,
                                              std::uint64_t seed);

/// The batches of one epoch as the options ask, of one kind of picture or of two; a function of options.seed
/// and `epoch` alone. Throws what the functions above and those for one kind throw.
std::vector<BatchPlan> epoch_batches(const TrainOptions& options, const ImageList& list, std::size_t epoch);

}  // namespace training
