// SPDX-License-Identifier: LGPL-2.1-or-later
#include "net/cpu/kernels.h"

#include "base/cpu_features.h"
#include "net/cpu/runnable_kernels.h"

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

/// The first that fits.
template <class Condition>
const Kernels* first(Condition fits) noexcept {
  for (const Kernels* kernels : runnable_kernels()) {
    if (fits(*kernels)) return kernels;
  }
  return nullptr;
}

}  // namespace

RunnableKernels runnable_kernels() noexcept {
  RunnableKernels found;
  // Where the compiler does not know an instruction set, that of another machine included, its place stays
  // empty.
  const auto add = [&found](bool runs, const Kernels* (*kernels)() noexcept) {
    if (runs && kernels() != nullptr) found.add(kernels());
  };
  const CpuFeatures& cpu = cpu_features();
  const bool tiles_have_company = cpu.avx512_bf16 && cpu.avx512_vnni;
  add(tiles_have_company && cpu.amx_bf16, amx_bf16);
  add(tiles_have_company && cpu.amx_int8, amx_u8);
  add(cpu.avx512, avx512_f32);
  add(cpu.avx512_bf16, avx512_bf16);
  add(cpu.avx512_vnni, avx512_u8);
  add(cpu.avx2, avx2_f32);
  add(cpu.neon, neon_f32);
  add(cpu.arm_bf16, arm_bf16);
  add(cpu.arm_f16, arm_f16);
  add(cpu.arm_i8mm, arm_i8mm_u8);
  add(cpu.arm_dot, arm_dot_u8);
  add(true, portable_f32);
  return found;
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
