// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/cpu_tiles.h"

#if defined(__x86_64__) && defined(__GNUC__) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#define EMBED_TILES 1
#endif

namespace embed {

namespace {

#ifdef EMBED_TILES
/// The system keeps the tile registers' 8 KB for a thread only after its process has asked for them, once for
/// all of its threads (Linux 5.16, "Using XSTATE features in user space applications").
bool may_use_tiles() noexcept {
  constexpr long kRequest = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILE_DATA.
  return syscall(SYS_arch_prctl, kRequest, kTileData) == 0;
}

TileProducts ask() noexcept {
  constexpr unsigned kTiles = 1U << 24, kBF16 = 1U << 22, kInt8 = 1U << 25;
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0 || (d & kTiles) == 0 || !may_use_tiles()) return {};
  return {(d & kBF16) != 0, (d & kInt8) != 0};
}
#else
TileProducts ask() noexcept {
  return {};
}
#endif

}  // namespace

TileProducts tile_products() noexcept {
  static const TileProducts products = ask();
  return products;
}

}  // namespace embed
