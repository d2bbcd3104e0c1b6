// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "data/augment/augment_steps.h"

namespace training {

/// Queues all steps on a CUDA stream (a cudaStream_t), as augment_steps::run_all orders them. The job's
/// memory is the device's. Throws embed::Error(Device) when a kernel does not start.
void launch_augmentation(const AugmentJob& job, bool faces, void* stream);

}  // namespace training
