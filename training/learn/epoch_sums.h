// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace training {

/// Over the batches done of the epoch under way. A checkpoint holds them, so that what an epoch's end tells
/// is of the whole epoch, whoever interrupted it.
struct EpochSums {
  double loss = 0, active = 0, gradient_norm = 0;
  std::size_t steps = 0, updates = 0, spreads = 0;
  std::array<std::int64_t, 3> kinds{};               ///< Triplets: easy, semi-hard, hard.
  std::array<std::array<double, 3>, 2> distances{};  ///< As StepReport's, summed over `spreads` batches.
  double learning_rate = 0, margin = 0;              ///< Of the last batch.
  double teacher_cosine = 0, teacher_seconds = 0;    ///< Without a teacher 0.
  double seconds = 0, waited = 0;  ///< Before the last resumption: time, and of it waiting for pictures.
};

}  // namespace training
