// SPDX-License-Identifier: LGPL-2.1-or-later
// A process to which the system gives no AMX tiles, on a CPU that has them: every part of the library goes on
// with other instructions. What the system objects to is an alternate signal stack that would not hold them,
// so this is a program of its own.
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>
#include <string>

#include "base/cpu_tiles.h"
#include "net/cpu/kernels.h"
#include "net/torch/device.h"

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
  EXPECT_FALSE(embed::tile_products().bf16);
  EXPECT_FALSE(embed::tile_products().int8);
  for (auto next = embed::cpu::runnable_kernels(); *next != nullptr; ++next) {
    EXPECT_EQ(std::string((*next)->name).find("amx"), std::string::npos) << (*next)->name;
  }
}

TEST(WithoutTiles, AutoTakesWhatIsFasterThen) {
  if (!small_stack) GTEST_SKIP() << "this system takes no small signal stack";
#if defined(__x86_64__) && defined(__GNUC__)
  const bool bf16 = __builtin_cpu_supports("avx512bf16") != 0 && __builtin_cpu_is("intel") == 0;
  EXPECT_EQ(embed::resolve_precision("auto", torch::kCPU), bf16 ? "bf16" : "fp32");
#endif
}

}  // namespace
