// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <torch/types.h>

#include <string>

#include "data/training_set.h"
#include "embed/nn/resnet18_v2.h"
#include "measure/evaluator.h"

namespace training {

/// How well held-out identities are told apart.
struct Verification {
  std::size_t images = 0, identities = 0;
  Roc roc;                   ///< Over all pairs (impostors capped); tar_at_far at 1e-2 and 1e-3.
  TripletAccuracy triplets;  ///< Over frozen triplets as the founding note draws them.
};

/// Embeds a list's pictures (the centre window when the packed ones are larger), in evaluation mode without
/// gradients. `flip`: the mean of the picture's and its mirror image's values, through the head's norm again
/// for L2.
LabelledEmbeddings embed_list(embed::nn::ResNet18V2& network, const TrainingSet& set, const ImageList& list,
                              torch::Device device, bool flip);

/// Throws embed::Error(InvalidArgument) when there is no genuine or no impostor pair.
Verification verify(const LabelledEmbeddings& values, std::size_t identities, embed::Metric metric);

/// The same across two kinds of picture: every row of the first against every row of the second, triplets as
/// cross_triplets draws them. `images` counts both kinds. Throws what verify and cross_triplets throw.
Verification verify_across(const LabelledEmbeddings& first, const LabelledEmbeddings& second,
                           std::size_t identities, embed::Metric metric);

/// One number, larger is better. Select::Last always answers 0.
double measure(const Verification& result, Select select);

/// One JSON object.
std::string to_json(const Verification& result);

}  // namespace training
