// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "data/training_set.h"
#include "embed/model_info.h"
#include "learn/learner.h"
#include "learn/verification.h"

/// What a run does with one network or two (Towers::Separate) at its epochs' ends.
namespace training {

/// Verifies what the learner would keep on the validation list: all pairs of it, where there are two kinds of
/// picture all pairs across them. Throws embed::Error(InvalidArgument) when there is no genuine or no
/// impostor pair.
Verification validate_kept(Learner& learner, const TrainingSet& set, const TrainOptions& options);

/// Adds each class's embeddings to its row of `sums`, [classes, 128].
void add_to_class_means(const LabelledEmbeddings& values, const ImageList& list, std::vector<double>& sums);

/// Writes options.out, and with separate towers other_weights(options), with the same `info`. Throws
/// embed::Error(Io).
void save_kept(Learner& learner, const TrainOptions& options, const embed::ModelInfo& info);

}  // namespace training
