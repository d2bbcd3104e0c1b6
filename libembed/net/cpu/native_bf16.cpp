// SPDX-License-Identifier: LGPL-2.1-or-later
#include "net/cpu/native_bf16.h"

#include "base/cpu_features.h"

namespace embed::cpu {

bool has_native_bf16() noexcept {
  return cpu_features().avx512_bf16 || cpu_features().arm_bf16;
}

bool prefers_bf16() noexcept {
  if (!has_native_bf16()) return false;
#if defined(__x86_64__) && defined(__GNUC__)
  return cpu_features().amx_bf16 || __builtin_cpu_is("intel") == 0;
#else
  return false;
#endif
}

}  // namespace embed::cpu
