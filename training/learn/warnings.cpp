// SPDX-License-Identifier: LGPL-2.1-or-later
#include "learn/warnings.h"

#include <cmath>

#include "embed/nn/precision.h"

namespace training {

namespace {

/// Median distance of negative pairs, as a share of the margin, below which the network has collapsed.
constexpr double kCollapse = 0.02;

}  // namespace

std::optional<std::string> slow_precision_warning(const TrainOptions& options, torch::Device device) {
  if (options.precision != Precision::Bf16 || embed::nn::has_native_bf16(device)) return std::nullopt;
  return "this CPU computes bfloat16 in software, many times slower than float32: --precision auto takes "
         "what is fast";
}

std::optional<std::string> collapse_warning(const StepReport& step,
                                            const std::optional<Verification>& verification) {
  const bool by_distance = std::isfinite(step.distances[1][1]) && step.margin > 0 &&
                           step.distances[1][1] < kCollapse * step.margin;
  const bool by_spread = verification && verification->triplets.spread < kCollapse * kCollapse;
  if (!by_distance && !by_spread) return std::nullopt;
  return "the embeddings collapse: pictures of different identities come out alike. A lower --lr, a longer "
         "--warmup-epochs, --miner semi-hard or --margin-epochs 5 in the place of the hardest triplets, or a "
         "start with "
         "--loss cosface helps";
}

}  // namespace training
