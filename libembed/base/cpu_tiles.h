// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>

namespace embed {

/// The types that AMX's tile registers multiply on this machine; none where the CPU has no tiles or the
/// system does not enable them.
struct TileProducts {
  bool bf16 = false, int8 = false;
};

/// Asks the system to let this process use the tiles at the first call, and remembers the answer. Any thread.
TileProducts tile_products() noexcept;

/// The shapes of tiles 0 to 7, as LDTILECFG reads them: `__asm__ volatile("ldtilecfg %0" : : "m"(shapes))`.
/// GCC's _tile_loadconfig must not be used: it is declared to read eight bytes, so the compiler drops the
/// stores behind them.
struct alignas(64) TileShapes {
  std::uint8_t palette = 1, unused[15] = {};
  std::uint16_t row_bytes[16] = {};  ///< At most 64.
  std::uint8_t rows[16] = {};        ///< At most 16.

  void set(int tile, std::int64_t its_rows, std::int64_t its_row_bytes) noexcept {
    rows[tile] = static_cast<std::uint8_t>(its_rows);
    row_bytes[tile] = static_cast<std::uint16_t>(its_row_bytes);
  }
};

}  // namespace embed
