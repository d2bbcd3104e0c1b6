// SPDX-License-Identifier: LGPL-2.1-or-later
#include "net/cpu/kernels.h"

#if defined(__AVX512BF16__)
#include "net/cpu/winograd_train.h"
#include "net/cpu/x86/avx512_bf16.h"

namespace embed::cpu {
namespace {

constexpr TrainKernels kTrainKernels = train_table<Avx512BF16>();
constexpr Kernels kKernels =
    table<Avx512BF16>("avx512-bf16", Number::BF16, winograd<Avx512BF16>, &kTrainKernels);

}  // namespace

const Kernels* avx512_bf16() noexcept {
  return &kKernels;
}

}  // namespace embed::cpu
#else
const embed::cpu::Kernels* embed::cpu::avx512_bf16() noexcept {
  return nullptr;
}
#endif
