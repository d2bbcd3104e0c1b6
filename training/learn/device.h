// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <torch/types.h>

#include "options/network_options.h"

namespace training {

/// What options.device stands for here; of several ranks on one machine each has its own GPU. Throws
/// embed::Error(Device | InvalidArgument).
torch::Device training_device(const NetworkOptions& options);

/// Gives LibTorch options.threads, or this process's share of the CPUs that it may use.
void set_threads(const NetworkOptions& options);

}  // namespace training
