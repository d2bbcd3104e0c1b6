// SPDX-License-Identifier: LGPL-2.1-or-later
// A process to which the system gives no AMX tiles, on a CPU that has them: every part of the library goes on
// with other instructions. What the system objects to is an alternate signal stack that would not hold them,
// so this is a program of its own.
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>
#include <string>

#include "base/cpu_features.h"
#include "net/cpu/runnable_kernels.h"
#include "net/load/placement.h"

namespace {

// Before main(), in which nobody has asked for the tiles yet.
const bool small_stack = [] {
  static char stack[4096];
  stack_t alternate{};
  alternate.ss_sp = stack;
  alternate.ss_size = sizeof stack;
  return sigaltstack(&alternate, nullptr) == 0;
}();

TEST(WithoutTiles, NothingIsMultipliedOnThem) {
  if (!small_stack) GTEST_SKIP() << "this system takes no small signal stack";
  EXPECT_FALSE(embed::cpu_features().amx_bf16);
  EXPECT_FALSE(embed::cpu_features().amx_int8);
  for (const embed::cpu::Kernels* kernels : embed::cpu::runnable_kernels()) {
    EXPECT_EQ(std::string(kernels->name).find("amx"), std::string::npos) << kernels->name;
  }
}

TEST(WithoutTiles, AutoTakesWhatIsFasterThen) {
  if (!small_stack) GTEST_SKIP() << "this system takes no small signal stack";
#if defined(__x86_64__) && defined(__GNUC__)
  const bool bf16 = embed::cpu_features().avx512_bf16 && __builtin_cpu_is("intel") == 0;
  EXPECT_EQ(embed::resolve_precision("auto", "cpu"), bf16 ? "bf16" : "fp32");
#endif
}

}  // namespace
