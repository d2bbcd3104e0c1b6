// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "data/batch_sampler.h"
#include "measure/bootstrap.h"
#include "measure/evaluator.h"

/// Distances where pictures are of two kinds (a photo and a sketch): what is compared is always one picture
/// of the first kind and one of the second. Functions of their arguments alone.
namespace training {

/// Every row of the first kind against every row of the second: distance, whether the labels agree, and the
/// labels as units. When there are more than `most_impostors` impostor pairs, a seeded sample of that many.
std::vector<SampledPair> cross_pairs(const LabelledEmbeddings& first, const LabelledEmbeddings& second,
                                     embed::Metric metric, std::size_t most_impostors = 20'000'000,
                                     std::uint64_t seed = 1);

/// The distances of cross_pairs: genuine, impostor.
std::pair<std::vector<float>, std::vector<float>> split_pairs(const std::vector<SampledPair>& pairs);

/// Triplets as cross_triplets gives them. `spread` is the smaller one of the two kinds': a network may
/// collapse for one kind alone. Throws embed::Error(InvalidArgument) for a row that is not there.
TripletAccuracy cross_triplet_accuracy(const LabelledEmbeddings& first, const LabelledEmbeddings& second,
                                       const std::vector<TripletIndices>& triplets, embed::Metric metric);

/// Over all triplets: every anchor of the first kind, every positive and negative of the second. `spread` is
/// not set. O(N · M · 128) time on all processors.
TripletAccuracy all_cross_triplets(const LabelledEmbeddings& first, const LabelledEmbeddings& second,
                                   embed::Metric metric);

}  // namespace training
