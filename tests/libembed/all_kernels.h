// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <vector>

#include "net/cpu/kernels.h"

/// Every table that this machine can run, not only those that it would choose.
inline std::vector<const embed::cpu::Kernels*> all_kernels() {
  std::vector<const embed::cpu::Kernels*> found;
  for (auto next = embed::cpu::runnable_kernels(); *next != nullptr; ++next) found.push_back(*next);
  return found;
}
