// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>

namespace embed {

/// The shapes of AMX's tiles 0 to 7, as LDTILECFG reads them: `__asm__ volatile("ldtilecfg %0" : :
/// "m"(shapes))`. GCC's _tile_loadconfig says that it reads eight bytes, so that what is stored behind them
/// is dropped.
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
