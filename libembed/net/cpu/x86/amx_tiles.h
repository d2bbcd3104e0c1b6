// SPDX-License-Identifier: LGPL-2.1-or-later
// The shapes of AMX's tile registers. Included by the kernels_amx*.cpp files alone.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "base/tile_shapes.h"

namespace embed::cpu {
namespace {

/// Words of a row of a tile, and channels of a tile of sums.
constexpr std::int64_t kTileWords = 16, kTileChannels = 16;

/// The tiles' shapes on this thread, set where they change.
class Tiles {
 public:
  explicit Tiles(std::int64_t words) : words_(words < kTileWords ? words : kTileWords) {}
  ~Tiles() { _tile_release(); }
  Tiles(const Tiles&) = delete;
  Tiles& operator=(const Tiles&) = delete;

  std::int64_t words() const { return words_; }

  void take(std::int64_t first_rows, std::int64_t second_rows) {
    if (first_rows == first_ && second_rows == second_) return;
    first_ = first_rows;
    second_ = second_rows;
    TileShapes shapes;
    shapes.set(0, first_rows, 4 * kTileChannels);
    shapes.set(1, first_rows, 4 * kTileChannels);
    shapes.set(2, second_rows, 4 * kTileChannels);
    shapes.set(3, second_rows, 4 * kTileChannels);
    shapes.set(4, first_rows, 4 * words_);
    shapes.set(5, second_rows, 4 * words_);
    shapes.set(6, words_, 4 * kTileChannels);
    shapes.set(7, words_, 4 * kTileChannels);
    __asm__ volatile("ldtilecfg %0" : : "m"(shapes));
  }

 private:
  std::int64_t words_, first_ = 0, second_ = 0;
};

}  // namespace
}  // namespace embed::cpu
