// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "base/few.h"
#include "net/cpu/kernels.h"

namespace embed::cpu {

/// All kernels that this machine can run, for each number the fastest first.
using RunnableKernels = Few<const Kernels*, 10>;
RunnableKernels runnable_kernels() noexcept;

}  // namespace embed::cpu
