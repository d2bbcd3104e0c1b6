// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>

namespace training {

enum class Sampler { Uniform, Balanced };

struct BatchOptions {
  /// Images (triplets with Miner::Offline) in a batch.
  std::size_t batch_size = 128;
  /// P of P×K batches; 0: plain shuffled batches.
  std::size_t identities = 0;
  /// K of P×K batches.
  std::size_t images_each = 4;
  /// Of plain batches: every image once an epoch, or every identity as often as any other.
  Sampler sampler = Sampler::Uniform;
  /// Batches whose gradients make one update; each is mined by itself.
  std::size_t accumulate = 1;
};

}  // namespace training
