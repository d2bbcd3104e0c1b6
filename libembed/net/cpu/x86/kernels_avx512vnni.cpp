// SPDX-License-Identifier: LGPL-2.1-or-later
#include "net/cpu/kernels.h"

#if defined(__AVX512VNNI__)
#include "net/cpu/conv_tile.h"
#include "net/cpu/x86/avx512_u8.h"

namespace embed::cpu {
namespace {

constexpr Kernels kKernels = table<Avx512U8>("avx512-vnni", Number::U8, nullptr, nullptr);

}  // namespace

const Kernels* avx512_u8() noexcept {
  return &kKernels;
}

}  // namespace embed::cpu
#else
const embed::cpu::Kernels* embed::cpu::avx512_u8() noexcept {
  return nullptr;
}
#endif
