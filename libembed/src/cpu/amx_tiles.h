// SPDX-License-Identifier: LGPL-2.1-or-later
// The shapes of AMX's tile registers. Included by the kernels_amx*.cpp files alone.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace embed::cpu {
namespace {

/// Words of a row of a tile, and channels of a tile of sums.
constexpr std::int64_t kTileWords = 16, kTileChannels = 16;
/// What LDTILECFG reads.
struct alignas(64) TileShapes {
  std::uint8_t palette, start_row, reserved[14];
  std::uint16_t row_bytes[16];
  std::uint8_t rows[16];
};

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
    TileShapes shapes{};
    shapes.palette = 1;
    const auto set = [&](int tile, std::int64_t rows, std::int64_t words) {
      shapes.rows[tile] = static_cast<std::uint8_t>(rows);
      shapes.row_bytes[tile] = static_cast<std::uint16_t>(4 * words);
    };
    set(0, first_rows, kTileChannels);
    set(1, first_rows, kTileChannels);
    set(2, second_rows, kTileChannels);
    set(3, second_rows, kTileChannels);
    set(4, first_rows, words_);
    set(5, second_rows, words_);
    set(6, words_, kTileChannels);
    set(7, words_, kTileChannels);
    // GCC's _tile_loadconfig says that it reads eight bytes, so that it drops what is stored behind them.
    __asm__ volatile("ldtilecfg %0" : : "m"(shapes));
  }

 private:
  std::int64_t words_, first_ = 0, second_ = 0;
};

}  // namespace
}  // namespace embed::cpu
