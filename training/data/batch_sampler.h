// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "options/train_options.h"

namespace training {

/// Row numbers of the images of one batch. For offline triplets: all anchors, then all positives, then all
/// negatives. For two kinds of picture: those of the first kind, then as many of the second.
using BatchPlan = std::vector<std::uint32_t>;

/// The part of a batch that one of several ranks embeds.
struct Share {
  std::size_t rank = 0, ranks = 1;
};

/// Parts of equal size that the batches have: 3 for offline triplets, 2 for other batches of two kinds, else
/// 1.
std::size_t batch_parts(const TrainOptions& options) noexcept;

/// Places in a batch of `count` that a rank takes: a run of neighbours of the first part, and those at the
/// same place of the other parts (for offline triplets the positives and negatives that belong to the
/// anchors). All ranks' places together are all places, once; the sizes differ by at most `parts`.
std::vector<std::size_t> places_of(const Share& share, std::size_t count, std::size_t parts);

/// Row numbers of one triplet.
struct TripletIndices {
  std::uint32_t anchor, positive, negative;
};

/// Row numbers by class. `labels`: [N], each in [0, classes).
std::vector<std::vector<std::uint32_t>> rows_by_class(const std::vector<std::int64_t>& labels,
                                                      std::size_t classes);

/// The founding note's triplets: each class is shuffled, each two neighbours in that order are anchor and
/// positive, the negative's class is drawn uniformly from the other classes (those with images) and the
/// negative uniformly from it. A class of n samples gives n − 1 triplets, in class order. A function of
/// labels and seed alone, so that a list for evaluation is frozen by its seed. Throws
/// embed::Error(InvalidArgument) for fewer than two classes, and when no class has two samples.
std::vector<TripletIndices> note_triplets(const std::vector<std::int64_t>& labels, std::size_t classes,
                                          std::uint64_t seed);

/// Shuffled batches of nearly equal size that cover every row once: ⌈rows / batch_size⌉ of them.
std::vector<BatchPlan> shuffled_batches(std::size_t rows, std::size_t batch_size, std::uint64_t seed);

/// Batches of `identities` different classes with `images_each` rows each, side by side. Each class with two
/// samples or more comes in groups of `images_each` shuffled rows (the last one filled up with rows used
/// before; a class with fewer rows repeats them), so that an epoch sees nearly every row once. Classes with
/// fewer than `fewest` rows are left out. Throws embed::Error(InvalidArgument) when fewer classes than
/// `identities` are left. With `repeated` classes may come twice in a batch, and two are enough.
std::vector<BatchPlan> pk_batches(const std::vector<std::int64_t>& labels, std::size_t classes,
                                  std::size_t identities, std::size_t images_each, std::uint64_t seed,
                                  std::size_t fewest = 2, bool repeated = false);

/// As many batches as shuffled_batches makes, but every class is drawn equally often (to one), and its rows
/// in turn.
std::vector<BatchPlan> balanced_batches(const std::vector<std::int64_t>& labels, std::size_t classes,
                                        std::size_t batch_size, std::uint64_t seed);

/// Whether plain batches bring each picture twice, in two views: a teacher's triplets need them.
bool in_pairs(const TrainOptions& options) noexcept;

/// What the batches of an epoch are drawn with.
std::uint64_t epoch_seed(const TrainOptions& options, std::size_t epoch);

/// The batches of one epoch as the options ask, for data of one kind; a function of options.seed and `epoch`
/// alone.
std::vector<BatchPlan> epoch_batches(const TrainOptions& options, const std::vector<std::int64_t>& labels,
                                     std::size_t classes, std::size_t epoch);

}  // namespace training
