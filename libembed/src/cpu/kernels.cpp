// SPDX-License-Identifier: LGPL-2.1-or-later
#include "kernels.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <cpuid.h>
#endif

namespace embed::cpu {

std::int64_t winograd_tile(const Kernels& kernels, std::int64_t in, std::int64_t height,
                           std::int64_t width) noexcept {
  if (kernels.winograd == nullptr) return 0;
  if (kernels.number != Number::F32 || in >= 512) return 2;
  const auto products = [&](std::int64_t m) {
    return ((height + m - 1) / m) * ((width + m - 1) / m) * (m + 2) * (m + 2);
  };
  return products(4) < products(2) ? 4 : 2;
}

#if defined(__x86_64__) && defined(__GNUC__)

namespace {

bool has_avx2() noexcept {
  unsigned a = 0, b = 0, c = 0, d = 0;  // Older compilers do not know F16C by name.
  return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0 &&
         __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
}

bool has_avx512() noexcept {
  return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
         __builtin_cpu_supports("avx512vl") != 0 && __builtin_cpu_supports("avx512dq") != 0;
}

}  // namespace

const Kernels* kernels_for(Number number) noexcept {
  switch (number) {
    case Number::F32:
      if (has_avx512()) return avx512_f32();
      return has_avx2() ? avx2_f32() : nullptr;
    case Number::BF16:
      return has_avx512() && __builtin_cpu_supports("avx512bf16") != 0 ? avx512_bf16() : nullptr;
    case Number::U8:
      return has_avx512() && __builtin_cpu_supports("avx512vnni") != 0 ? avx512_u8() : nullptr;
  }
  return nullptr;
}

#else

const Kernels* kernels_for(Number) noexcept {
  return nullptr;
}

#endif

}  // namespace embed::cpu
