// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/cpu_features.h"

#include <initializer_list>

#if defined(__x86_64__) && defined(__GNUC__)
#include <cpuid.h>
#define EMBED_ASK_X86 1
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
#elif defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace embed {

namespace {

#ifdef EMBED_ASK_X86
/// The tile registers' 8 KB are no part of a thread's state until a process has asked for them, once for all
/// of its threads (Linux 5.16, "Using XSTATE features in user space applications").
bool may_use_tiles() noexcept {
#if defined(__linux__)
  constexpr long kRequest = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILE_DATA.
  return syscall(SYS_arch_prctl, kRequest, kTileData) == 0;
#else
  return false;
#endif
}

CpuFeatures ask() noexcept {
  // What older compilers do not know by name, from CPUID's leaf 7.
  constexpr unsigned kSha = 1U << 29, kTiles = 1U << 24, kTileBf16 = 1U << 22, kTileInt8 = 1U << 25;
  unsigned a = 0, b = 0, c = 0, d = 0;
  const bool f16c = __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) b = d = 0;
  const auto has = [](int supported) { return supported != 0; };
  CpuFeatures found;
  found.sha = has(__builtin_cpu_supports("sse4.1")) && (b & kSha) != 0;
  found.avx2 = has(__builtin_cpu_supports("avx2")) && has(__builtin_cpu_supports("fma")) && f16c;
  found.avx512 = found.avx2 && has(__builtin_cpu_supports("avx512f")) &&
                 has(__builtin_cpu_supports("avx512bw")) && has(__builtin_cpu_supports("avx512vl")) &&
                 has(__builtin_cpu_supports("avx512dq"));
  found.avx512_vbmi = found.avx512 && has(__builtin_cpu_supports("avx512vbmi"));
  found.avx512_vnni = found.avx512 && has(__builtin_cpu_supports("avx512vnni"));
  found.avx512_bf16 = found.avx512 && has(__builtin_cpu_supports("avx512bf16"));
  const bool tiles = found.avx512 && (d & kTiles) != 0 && may_use_tiles();
  found.amx_bf16 = tiles && (d & kTileBf16) != 0;
  found.amx_int8 = tiles && (d & kTileInt8) != 0;
  return found;
}
#elif defined(__aarch64__) && defined(__linux__)
CpuFeatures ask() noexcept {
  CpuFeatures found;
  const unsigned long has = getauxval(AT_HWCAP);
  found.neon = (has & HWCAP_ASIMD) != 0;
  found.arm_f16 = found.neon && (has & HWCAP_ASIMDHP) != 0;
  found.arm_dot = found.neon && (has & HWCAP_ASIMDDP) != 0;
  const unsigned long has_too = getauxval(AT_HWCAP2);
  found.arm_i8mm = found.neon && (has_too & HWCAP2_I8MM) != 0;
  found.arm_bf16 = found.neon && (has_too & HWCAP2_BF16) != 0;
  return found;
}
#else
CpuFeatures ask() noexcept {
  return {};
}
#endif

const CpuFeatures& found() noexcept {
  static const CpuFeatures features = ask();
  return features;
}

CpuFeatures masked;
bool mask_is_on = false;

}  // namespace

const CpuFeatures& cpu_features() noexcept {
  return mask_is_on ? masked : found();
}

CpuFeaturesMask::CpuFeaturesMask(const CpuFeatures& most) noexcept {
  masked = most;
  for (bool CpuFeatures::*feature :
       {&CpuFeatures::sha, &CpuFeatures::avx2, &CpuFeatures::avx512, &CpuFeatures::avx512_vbmi,
        &CpuFeatures::avx512_vnni, &CpuFeatures::avx512_bf16, &CpuFeatures::amx_bf16, &CpuFeatures::amx_int8,
        &CpuFeatures::neon, &CpuFeatures::arm_f16, &CpuFeatures::arm_dot, &CpuFeatures::arm_i8mm,
        &CpuFeatures::arm_bf16}) {
    masked.*feature = most.*feature && found().*feature;
  }
  mask_is_on = true;
}

CpuFeaturesMask::~CpuFeaturesMask() {
  mask_is_on = false;
}

}  // namespace embed
