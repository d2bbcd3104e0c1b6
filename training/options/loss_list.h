// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

/// The registry of losses and miners: a line here makes a loss a choice of --loss (and of --class-loss), a
/// miner one of
/// --miner. What a line names is in training/losses/, one file each.
///
/// A line: enumerator, name as a flag's value, the function that makes it (losses/registry.h says how it is
/// declared), which options it heeds (see Heeds; miners have none) and one line for people.

/// Losses of pairs and triplets of embeddings.
#define TRAINING_PAIR_LOSSES(LOSS)                                                           \
  LOSS(Triplet, "triplet", make_triplet_loss, kHeedsMargin | kHeedsSoftMargin | kHeedsMiner, \
       "an anchor lies nearer to its positive than to its negative, by the margin")          \
  LOSS(Contrastive, "contrastive", make_contrastive_loss, kHeedsMargin,                      \
       "positive pairs lie together, negative ones at least the margin apart (Hadsell et al., 2006)")

/// Losses that tell the classes apart with weights of their own, for each class a row.
#define TRAINING_CLASS_LOSSES(LOSS)                                           \
  LOSS(CosFace, "cosface", make_cosface_loss, kHeedsScale | kHeedsCosMargin,  \
       "cross entropy over scaled cosines with a margin (Wang et al., 2018)") \
  LOSS(Softmax, "softmax", make_softmax_loss, 0, "cross entropy over a linear layer")

/// Where the triplets of the triplet loss come from.
#define TRAINING_MINERS(MINER)                                                                            \
  MINER(Offline, "offline", mine_offline, "the founding note's list of triplets")                         \
  MINER(BatchHard, "batch-hard", mine_batch_hard,                                                         \
        "each anchor with its farthest positive and nearest negative")                                    \
  MINER(SemiHard, "semi-hard", mine_semi_hard, "each pair with the nearest negative beyond its positive") \
  MINER(BatchAll, "batch-all", mine_batch_all, "all triplets that have a loss")                           \
  MINER(AllHard, "all-hard", mine_all_hard, "all triplets whose negative is nearer than their positive")
