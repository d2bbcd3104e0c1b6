// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "net/cuda/kernel_language.h"

namespace embed::gpu {

/// Writes one cell of pictures with C channels. `bytes`: the four pixels' values; `inside`: which of them the
/// picture has. The others, and the channels that fill the cell up, become zeros.
template <typename T, int C>
__device__ void store_cell(const CellGrid& grid, int n, int row, int column,
                           const unsigned char (&bytes)[4][C], const bool (&inside)[4]) {
  constexpr int kChannels = cells::channels(C), kLanes = Vector<T>::kLanes;
  Vector<T> vectors[kChannels / kLanes];
  for (int i = 0; i < kChannels; ++i) {
    const int pixel = i / C, c = i % C;
    const float value =
        pixel < 4 && inside[pixel < 4 ? pixel : 0]
            ? static_cast<float>(bytes[pixel < 4 ? pixel : 0][c]) * grid.scale[c] + grid.shift[c]
            : 0.0F;
    vectors[i / kLanes].lanes[i % kLanes] = rounded<T>(value);
  }
  const long long at = (static_cast<long long>(n) * cells::stored(grid.height) + row + cells::kBefore) *
                           cells::stored(grid.width) +
                       column + cells::kBefore;
  auto* out = reinterpret_cast<Vector<T>*>(static_cast<T*>(grid.values) + at * kChannels);
  for (int i = 0; i < kChannels / kLanes; ++i) out[i] = vectors[i];
}

}  // namespace embed::gpu
