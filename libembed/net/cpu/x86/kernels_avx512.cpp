// SPDX-License-Identifier: LGPL-2.1-or-later
#include "net/cpu/kernels.h"

#if defined(__AVX512F__)
#include "net/cpu/winograd_train.h"
#include "net/cpu/x86/avx512_float.h"

namespace embed::cpu {
namespace {

struct Avx512F32 : Avx512Float {
  using Sum = __m512;
  using Word = __m512;
  static constexpr int kBytes = 4;
  static Sum zero() { return _mm512_setzero_ps(); }
  static Word load(const std::uint8_t* p) { return _mm512_load_ps(p); }
  static Word broadcast(const std::uint8_t* p) {
    float value;
    std::memcpy(&value, p, sizeof value);
    return _mm512_set1_ps(value);
  }
  static Sum multiply_add(Sum sum, Word weight, Word value) { return _mm512_fmadd_ps(weight, value, sum); }
  static Float to_float(Sum sum) { return sum; }
  static Float load_number(const std::uint8_t* p) { return _mm512_loadu_ps(p); }
  static void store_group(std::uint8_t* p, const Float* v) { store_number(p, v[0]); }
  static void store_number(std::uint8_t* p, Float v) { _mm512_storeu_ps(p, v); }
};

constexpr TrainKernels kTrainKernels = train_table<Avx512F32>();
constexpr Kernels kKernels = table<Avx512F32>("avx512", Number::F32, winograd<Avx512F32>, &kTrainKernels);

}  // namespace

const Kernels* avx512_f32() noexcept {
  return &kKernels;
}

}  // namespace embed::cpu
#else
const embed::cpu::Kernels* embed::cpu::avx512_f32() noexcept {
  return nullptr;
}
#endif
