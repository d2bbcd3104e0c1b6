// SPDX-License-Identifier: LGPL-2.1-or-later
// float32 with what the compiler makes of four floats at a time, on every CPU that it has code for.
#include "net/cpu/kernels.h"
#include "net/cpu/winograd_tile.h"

namespace embed::cpu {
namespace {

struct PortableF32 {
  typedef float Float __attribute__((vector_size(16)));
  using Sum = Float;
  using Word = Float;
  static constexpr int kLanes = 4;
  // 12 sums, 2 weights, the pixel's word and a product: 16 registers.
  static constexpr int kVectors = 2;
  static constexpr int kRows = 6;
  static constexpr int kWords = 1, kWordBytes = 4, kPixels = 1, kPartWords = 0;
  static constexpr int kBytes = 4;
  static Sum zero() { return Float{}; }
  static Word load(const std::uint8_t* p) { return load_number(p); }
  static Word broadcast(const std::uint8_t* p) {
    float value;
    std::memcpy(&value, p, sizeof value);
    return set(value);
  }
  static Sum multiply_add(Sum sum, Word weight, Word value) { return sum + weight * value; }
  static Float to_float(Sum sum) { return sum; }
  static Float load_float(const float* p) {
    Float value;
    std::memcpy(&value, p, sizeof value);
    return value;
  }
  /// Of finite numbers.
  static Float load_half(const std::uint16_t* p) {
    typedef std::uint16_t Halves __attribute__((vector_size(8)));
    Halves halves;
    std::memcpy(&halves, p, sizeof halves);
    const Bits wide = __builtin_convertvector(halves, Bits);
    // With its exponent in the place of a float32's, a number is 2^112 times too small, without a leading one
    // too.
    const Float magnitude = (Float)((wide & 0x7FFFU) << 13) * set(0x1p112F);
    return (Float)((Bits)magnitude | (wide & 0x8000U) << 16);
  }
  static void store_float(float* p, Float v) { std::memcpy(p, &v, sizeof v); }
  static Float load_bytes(const std::uint8_t* p) {
    return Float{static_cast<float>(p[0]), static_cast<float>(p[1]), static_cast<float>(p[2]),
                 static_cast<float>(p[3])};
  }
  static Float set(float value) { return Float{value, value, value, value}; }
  static Float minus(Float a, Float b) { return a - b; }
  static Float plus(Float a, Float b) { return a + b; }
  static Float times(Float a, Float b) { return a * b; }
  static Float larger(Float a, Float b) { return a > b ? a : b; }
  static Float affine(Float x, Float scale, Float shift) { return x * scale + shift; }
  static Float relu(Float x) { return larger(x, zero()); }
  static Float load_number(const std::uint8_t* p) {
    Float value;
    std::memcpy(&value, p, sizeof value);
    return value;
  }
  static void store_group(std::uint8_t* p, const Float* v) { store_number(p, v[0]); }
  static void store_number(std::uint8_t* p, Float v) { std::memcpy(p, &v, sizeof v); }

 private:
  typedef std::uint32_t Bits __attribute__((vector_size(16)));
};

constexpr Kernels kKernels = table<PortableF32>("portable", Number::F32, winograd<PortableF32>, nullptr);

}  // namespace

const Kernels* portable_f32() noexcept {
  return &kKernels;
}

}  // namespace embed::cpu
