// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <vector>

#include "net/cpu/runnable_kernels.h"

/// Every table that this machine can run, not only those that it would choose.
inline std::vector<const embed::cpu::Kernels*> all_kernels() {
  const auto found = embed::cpu::runnable_kernels();
  return {found.begin(), found.end()};
}
