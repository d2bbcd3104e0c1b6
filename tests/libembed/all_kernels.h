// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <vector>

#include "cpu/kernels.h"

/// Every table that this machine can run, not only those that it would choose.
inline std::vector<const embed::cpu::Kernels*> all_kernels() {
  using embed::cpu::Number;
  std::vector<const embed::cpu::Kernels*> found;
  for (const Number number : {Number::F32, Number::BF16, Number::U8}) {
    if (const embed::cpu::Kernels* kernels = embed::cpu::kernels_for(number)) found.push_back(kernels);
  }
#if defined(__x86_64__) && defined(__GNUC__)
  const bool has_avx2 = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
  if (has_avx2 && embed::cpu::avx2_f32() != nullptr) found.push_back(embed::cpu::avx2_f32());
#endif
  return found;
}
