// SPDX-License-Identifier: LGPL-2.1-or-later
#include "net/cpu/kernels.h"

#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
#include <immintrin.h>

#include "net/cpu/winograd_train.h"

namespace embed::cpu {
namespace {

struct Avx2F32 {
  using Float = __m256;
  using Sum = __m256;
  using Word = __m256;
  static constexpr int kLanes = 8;
  // 12 sums, 2 weights and the pixel's word: 15 of 16 registers.
  static constexpr int kVectors = 2;
  static constexpr int kRows = 6;
  static constexpr int kWords = 1, kWordBytes = 4, kPixels = 1, kPartWords = 0;
  static constexpr int kBytes = 4;
  static Sum zero() { return _mm256_setzero_ps(); }
  static Word load(const std::uint8_t* p) { return _mm256_load_ps(reinterpret_cast<const float*>(p)); }
  static Word broadcast(const std::uint8_t* p) {
    float value;
    std::memcpy(&value, p, sizeof value);
    return _mm256_set1_ps(value);
  }
  static Sum multiply_add(Sum sum, Word weight, Word value) { return _mm256_fmadd_ps(weight, value, sum); }
  static Float to_float(Sum sum) { return sum; }
  static Float load_float(const float* p) { return _mm256_loadu_ps(p); }
  static Float load_half(const std::uint16_t* p) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  static void store_float(float* p, Float v) { _mm256_storeu_ps(p, v); }
  static Float load_bytes(const std::uint8_t* p) {
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
  }
  static Float set(float value) { return _mm256_set1_ps(value); }
  static Float minus(Float a, Float b) { return _mm256_sub_ps(a, b); }
  static Float plus(Float a, Float b) { return _mm256_add_ps(a, b); }
  static Float times(Float a, Float b) { return _mm256_mul_ps(a, b); }
  static Float larger(Float a, Float b) { return _mm256_max_ps(a, b); }
  static Float affine(Float x, Float scale, Float shift) { return _mm256_fmadd_ps(x, scale, shift); }
  static Float relu(Float x) { return _mm256_max_ps(x, _mm256_setzero_ps()); }
  static Float load_number(const std::uint8_t* p) {
    return _mm256_loadu_ps(reinterpret_cast<const float*>(p));
  }
  static void store_group(std::uint8_t* p, const Float* v) { store_number(p, v[0]); }
  static void store_number(std::uint8_t* p, Float v) { _mm256_storeu_ps(reinterpret_cast<float*>(p), v); }
};

constexpr TrainKernels kTrainKernels = train_table<Avx2F32>();
constexpr Kernels kKernels = table<Avx2F32>("avx2", Number::F32, winograd<Avx2F32>, &kTrainKernels);

}  // namespace

const Kernels* avx2_f32() noexcept {
  return &kKernels;
}

}  // namespace embed::cpu
#else
const embed::cpu::Kernels* embed::cpu::avx2_f32() noexcept {
  return nullptr;
}
#endif
