// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

#include "embed/model_info.h"

namespace training {

enum class Precision { Auto, Fp32, Bf16 };
enum class Towers { Shared, Separate };

/// What is trained, and on what machine.
struct NetworkOptions {
  embed::Head head = embed::Head::L2;
  /// Batch norm (without scale and shift) on the embedding, ahead of the head, while training; folded into
  /// the dense layer when the weights are saved, so that the network stays what it is. Pooled ReLU values are
  /// all positive, so embeddings begin with one large common direction, which it takes away. It helps with
  /// few classes (digits); over thousands of faces CosFace did better without it. With class_loss the
  /// triplets look at the values ahead of it and the classes at those behind it (BNNeck, Luo et al., 2019).
  bool neck = true;
  /// Shared: both kinds of picture pass through one network (siamese); Separate: each has its own
  /// (pseudo-siamese).
  Towers towers = Towers::Shared;
  /// Weights to start from; empty: fresh ones.
  std::string init;
  /// Towers::Separate: what `init` is, for the second network.
  std::string init_other;
  /// Share of what was learned in the weights that are kept, above 0 and up to 1, the rest is `init`'s
  /// (Wortsman et al., Robust fine-tuning of zero-shot models, 2022).
  double blend = 1;
  /// Bf16: convolutions and products in bfloat16, the rest in float32. Auto: Bf16 where the device has it
  /// natively, else Fp32; decided when a training begins.
  Precision precision = Precision::Fp32;
  /// "auto" (CUDA where there is a usable GPU), "cpu", "cuda", "cuda:N".
  std::string device = "auto";
  /// Of LibTorch; 0: one for each processor.
  int threads = 0;
};

}  // namespace training
