// SPDX-License-Identifier: LGPL-2.1-or-later
// What runs where the CPU has less than this one: each feature taken away, whatever needed it is gone and the
// next best is chosen.
#include <gtest/gtest.h>

#include <string>

#include "all_kernels.h"
#include "base/cpu_features.h"
#include "files/sha256_blocks.h"
#include "gallery/search/code_scan.h"
#include "image/crop_kernels.h"
#include "net/cpu/kernels.h"

namespace {

using embed::CpuFeatures;
using embed::CpuFeaturesMask;
using embed::cpu::Number;

CpuFeatures avx2_machine() {
  CpuFeatures most;
  most.sha = most.avx2 = true;
  return most;
}

TEST(CpuFeatures, NothingButThePortablePartsRunsWithoutThem) {
  const CpuFeaturesMask mask({});
  EXPECT_EQ(embed::cpu::kernels_for(Number::F32), embed::cpu::portable_f32());
  EXPECT_EQ(embed::cpu::kernels_for(Number::BF16), nullptr);
  EXPECT_EQ(embed::cpu::kernels_for(Number::U8), nullptr);
  EXPECT_EQ(embed::cpu::train_kernels_for(Number::F32), nullptr);
  EXPECT_EQ(all_kernels().size(), 1U);
  EXPECT_EQ(embed::crop_kernels().name, embed::portable_crop_kernels().name);
  EXPECT_EQ(std::string(embed::scan_variants().front().name), "portable");
  EXPECT_EQ(embed::x86_sha256_blocks(), nullptr);
}

TEST(CpuFeatures, AnAvx2MachineRunsItsOwnKernels) {
  if (!embed::cpu_features().avx2) GTEST_SKIP() << "this CPU has no AVX2";
  const CpuFeaturesMask mask(avx2_machine());
  EXPECT_EQ(std::string(embed::cpu::kernels_for(Number::F32)->name), "avx2");
  EXPECT_EQ(embed::cpu::kernels_for(Number::BF16), nullptr);
  EXPECT_EQ(std::string(embed::crop_kernels().name), "avx2");
  EXPECT_EQ(std::string(embed::scan_variants().front().name), "avx2");
}

TEST(CpuFeatures, AnArm64MachineRunsItsOwnKernels) {
  if (!embed::cpu_features().neon) GTEST_SKIP() << "this CPU is not arm64's";
  EXPECT_EQ(std::string(embed::cpu::kernels_for(Number::F32)->name), "neon");
  CpuFeatures cortex_a72;
  cortex_a72.neon = true;
  const CpuFeaturesMask mask(cortex_a72);
  EXPECT_EQ(std::string(embed::cpu::kernels_for(Number::F32)->name), "neon");
  for (const Number number : {Number::BF16, Number::F16, Number::U8}) {
    EXPECT_EQ(embed::cpu::kernels_for(number), nullptr);
  }
  EXPECT_EQ(std::string(embed::crop_kernels().name), "neon");
  EXPECT_EQ(std::string(embed::scan_variants().front().name), "neon");
}

TEST(CpuFeatures, EachExtensionOfArm64BringsItsKernels) {
  struct Extension {
    bool CpuFeatures::*feature;
    Number number;
    std::string kernels;
  };
  // The later ones of a number before the earlier ones.
  const Extension extensions[] = {{&CpuFeatures::arm_dot, Number::U8, "arm-dot"},
                                  {&CpuFeatures::arm_i8mm, Number::U8, "arm-i8mm"},
                                  {&CpuFeatures::arm_bf16, Number::BF16, "arm-bf16"},
                                  {&CpuFeatures::arm_f16, Number::F16, "arm-fp16"}};
  const CpuFeatures here = embed::cpu_features();
  if (!here.neon) GTEST_SKIP() << "this CPU is not arm64's";
  CpuFeatures most;
  most.neon = true;
  for (const Extension& extension : extensions) {
    if (!(here.*extension.feature)) continue;
    most.*extension.feature = true;
    const CpuFeaturesMask mask(most);
    EXPECT_EQ(embed::cpu::kernels_for(extension.number)->name, extension.kernels);
    EXPECT_EQ(std::string(embed::cpu::kernels_for(Number::F32)->name), "neon");
  }
}

TEST(CpuFeatures, AMaskGivesNothingThatIsNotThere) {
  const CpuFeatures here = embed::cpu_features();
  {
    CpuFeatures all;
    all.sha = all.avx2 = all.avx512 = all.avx512_vbmi = all.avx512_vnni = all.avx512_bf16 = true;
    all.amx_bf16 = all.amx_int8 = true;
    const CpuFeaturesMask mask(all);
    EXPECT_EQ(embed::cpu_features().avx2, here.avx2);
    EXPECT_EQ(embed::cpu_features().amx_bf16, here.amx_bf16);
  }
  const CpuFeaturesMask mask({});
  EXPECT_FALSE(embed::cpu_features().avx2);
}

}  // namespace
