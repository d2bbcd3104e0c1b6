// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "data/batch_sampler.h"
#include "embed/model_info.h"
#include "options/train_options.h"

namespace training {

/// What would end a run after its first epoch can be known at its start: throws embed::Error(Io) that names
/// the file when the weights could not be written (no such folder, no right to write there, or the file is
/// there and is no regular file); with separate towers either file. Throws embed::Error(InvalidArgument) when
/// both weights would be one file, or take the place of a data set that the run reads. Leaves nothing behind.
void require_writable_weights(const TrainOptions& options);

/// Throws embed::Error(InvalidArgument) that names `out` when it is one of the files in `inputs`, by whatever
/// path: what is read must not be replaced by what is made of it. Empty names are left out.
void require_no_input(const std::string& out, const std::vector<std::string>& inputs);

/// Batch norm over one value has no variance. Throws embed::Error(InvalidArgument) when a batch of `batches`
/// (one epoch's) brings a single picture to the neck, or to layers whose pictures are one pixel large.
void require_variance(const TrainOptions& options, const embed::InputSpec& input,
                      const std::vector<BatchPlan>& batches);

/// A threshold for faces from fewer people, or fewer pairs of different people, would be chance.
inline constexpr std::size_t kFewestPeople = 20, kFewestImpostorPairs = 10'000;
/// Whether there are as many; of whole pictures (digits) any number is enough.
bool enough_to_calibrate(const embed::InputSpec& input, std::size_t identities, std::size_t impostor_pairs);

}  // namespace training
