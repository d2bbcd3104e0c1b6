// SPDX-License-Identifier: LGPL-2.1-or-later
#include "net/cpu/kernels.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <cpuid.h>
#endif

#include "base/cpu_tiles.h"

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

namespace {

// Where an instruction set is not to be had, a compiler for another machine included, its place stays empty.
constexpr int kMostKernels = 6;
struct Found {
  const Kernels* kernels[kMostKernels + 1] = {};
  int count = 0;
  void add(const Kernels* one) noexcept {
    if (one != nullptr) kernels[count++] = one;
  }
};

#if defined(__x86_64__) && defined(__GNUC__)

bool has_avx2() noexcept {
  unsigned a = 0, b = 0, c = 0, d = 0;  // Older compilers do not know F16C by name.
  return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0 &&
         __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
}

bool has_avx512() noexcept {
  return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
         __builtin_cpu_supports("avx512vl") != 0 && __builtin_cpu_supports("avx512dq") != 0;
}

Found find() noexcept {
  Found found;
  if (has_avx512()) {
    const TileProducts tiles = tile_products();
    const bool bf16 = __builtin_cpu_supports("avx512bf16") != 0;
    const bool vnni = __builtin_cpu_supports("avx512vnni") != 0;
    if (bf16 && vnni && tiles.bf16) found.add(amx_bf16());
    if (bf16 && vnni && tiles.int8) found.add(amx_u8());
    found.add(avx512_f32());
    if (bf16) found.add(avx512_bf16());
    if (vnni) found.add(avx512_u8());
  }
  if (has_avx2()) found.add(avx2_f32());
  return found;
}

#else

Found find() noexcept {
  return {};
}

#endif

/// The first that fits.
template <class Condition>
const Kernels* first(Condition fits) noexcept {
  const Kernels* const* next = runnable_kernels();
  while (*next != nullptr && !fits(**next)) ++next;
  return *next;
}

}  // namespace

const Kernels* const* runnable_kernels() noexcept {
  static const Found found = find();
  return found.kernels;
}

const Kernels* kernels_for(Number number) noexcept {
  return first([=](const Kernels& kernels) { return kernels.number == number; });
}

const Kernels* train_kernels_for(Number number) noexcept {
  return first([=](const Kernels& kernels) {
    return kernels.number == number && (kernels.train != nullptr || kernels.tile_train != nullptr);
  });
}

}  // namespace embed::cpu
