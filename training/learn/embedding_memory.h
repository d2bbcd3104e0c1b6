// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <torch/types.h>

#include <cstddef>
#include <cstdint>

#include "learn/checkpoint.h"
#include "losses/loss.h"

namespace training {

/// The embeddings of the last batches, in a ring, for losses that mine them too. Not thread-safe.
class EmbeddingMemory {
 public:
  /// `rows` may be 0: then nothing is remembered. `sides`: whether pictures are of two kinds.
  EmbeddingMemory(std::size_t rows, std::int64_t width, bool sides, torch::Device device);

  /// As losses take it; undefined tensors without rows.
  Memory view() const;
  /// `values`: [N, width]; `labels`: [N] int64; `sides`: [N] int64, undefined with one kind.
  void remember(const torch::Tensor& values, const torch::Tensor& labels, const torch::Tensor& sides);
  /// Adds the live tensors by name.
  void add_to(StateTensors& state) const;

 private:
  torch::Tensor values_, labels_;  // [rows, width], [rows] float32 (−1: empty)
  torch::Tensor sides_;            // [rows] float32; undefined with one kind of picture
  torch::Tensor next_;             // [1] float32: the row that is written next
};

}  // namespace training
