// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

namespace embed {

/// What AMX's tile registers multiply here: nothing where the CPU has none or the system gives them to
/// nobody.
struct TileProducts {
  bool bf16 = false, int8 = false;
};

/// Asks the system for this process's tiles, at the first call, and remembers the answer. Any thread.
TileProducts tile_products() noexcept;

}  // namespace embed
