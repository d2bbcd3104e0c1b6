// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <map>
#include <string>

#include "options/augment_options.h"
#include "options/batch_options.h"
#include "options/data_options.h"
#include "options/loss_options.h"
#include "options/network_options.h"
#include "options/optimizer_options.h"
#include "options/run_options.h"
#include "options/teacher_options.h"

namespace training {

/// Everything that a training run is told: the options of each operation, which takes its own part alone. The
/// flags of `triplet-train train` carry the same names (options/option_table.h).
struct TrainOptions : DataOptions,
                      AugmentOptions,
                      LossOptions,
                      TeacherOptions,
                      BatchOptions,
                      OptimizerOptions,
                      NetworkOptions,
                      RunOptions {};

/// The name of a choice as a flag's value, e.g. "batch-hard".
const char* to_string(Loss value) noexcept;
const char* to_string(Miner value) noexcept;
const char* to_string(Precision value) noexcept;
const char* to_string(Augmentation value) noexcept;

/// Throws embed::Error(InvalidArgument) that names the option whose value is outside its range or does not go
/// with another's.
void validate(const TrainOptions& options);

/// The options that decide what the weights become, by flag name, as text. Paths of outputs, threads and the
/// like are not among them: a resumed run may change those.
std::map<std::string, std::string> decisive_options(const TrainOptions& options);

/// The founding note's own settings: triplet loss over its offline triplets, sigmoid head, squared L2, margin
/// 1, SGD with learning rate 0.03 and momentum 0.9.
TrainOptions note_options();

}  // namespace training
