// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <string>

#include "embed/embedding.h"
#include "options/loss_list.h"

namespace training {

#define TRAINING_ENUMERATOR(enumerator, ...) enumerator,
enum class Loss { TRAINING_PAIR_LOSSES(TRAINING_ENUMERATOR) TRAINING_CLASS_LOSSES(TRAINING_ENUMERATOR) None };
enum class ClassLoss { None, TRAINING_CLASS_LOSSES(TRAINING_ENUMERATOR) };
enum class Miner { TRAINING_MINERS(TRAINING_ENUMERATOR) };
#undef TRAINING_ENUMERATOR

/// Options that a loss may heed; a bit each.
enum Heeds : unsigned {
  kHeedsMargin = 1,
  kHeedsSoftMargin = 2,
  kHeedsMiner = 4,
  kHeedsScale = 8,
  kHeedsCosMargin = 16,
};

/// What is minimised of the labels.
struct LossOptions {
  /// None: a teacher alone is followed.
  Loss loss = Loss::CosFace;
  /// Added to a loss of pairs.
  ClassLoss class_loss = ClassLoss::None;
  double class_loss_weight = 1;
  /// Of pairs and triplets, and of validation; goes into the weights.
  embed::Metric metric = embed::Metric::Cosine;
  /// Of the triplet and the contrastive loss.
  double margin = 0.3;
  /// Epochs over which the margin grows from 0, linearly.
  double margin_epochs = 0;
  /// log(1 + exp(d(a,p) − d(a,n))) instead of the margin.
  bool soft_margin = false;
  Miner miner = Miner::BatchHard;
  /// Embeddings of earlier batches that are mined too; not with Miner::Offline.
  std::size_t memory = 0;
  /// Miner::Offline: anchors, positives and negatives go through the network one after the other, each with
  /// batch statistics of its own, as in the founding note.
  bool separate_passes = false;
  /// CosFace: the logits' factor.
  double scale = 24;
  /// CosFace: what the true class's cosine is lowered by.
  double cos_margin = 0.25;
  /// CosFace: epochs over which the margin grows from 0, linearly.
  double cos_margin_epochs = 5;
};

/// The loss of pairs that takes part, None where there is none.
Loss pair_loss_of(const LossOptions& options) noexcept;
/// The class loss that takes part, as the main one or beside it.
ClassLoss class_loss_of(const LossOptions& options) noexcept;
/// Which options the losses that take part heed: Heeds, or-ed.
unsigned heeded_by(const LossOptions& options) noexcept;
/// The names of the losses that heed it, "triplet or contrastive".
std::string losses_that_heed(Heeds option);
/// Whether the loss asks who is on a picture.
bool needs_labels(const LossOptions& options) noexcept;
/// Whether the batches are offline triplets.
bool is_offline(const LossOptions& options) noexcept;
/// Whether triplets or pairs are taken from the batch.
bool is_mined(const LossOptions& options) noexcept;

}  // namespace training
