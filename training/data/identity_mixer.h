// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/rng.h"
#include "data/batch_sampler.h"
#include "data/training_set.h"

namespace training {

/// Makes people who do not exist: in a P×K batch some groups of K pictures become a virtual identity, each
/// picture made of one of its own and one of a partner identity, partner and proportion the same for the
/// whole group: a blend (mixup's, Zhang et al., 2018, but it makes identities, not soft labels), or the upper
/// or left part of one with the rest of the other. A few identities then give as many as there are pairs of
/// them, and the network learns what tells people apart rather than who is who. In a blend the partner weighs
/// less than half. Pictures should be aligned. Thread-safe once constructed.
class IdentityMixer {
 public:
  /// Of a packed picture, in pixels.
  struct Shape {
    int width, height, channels;
  };
  /// `list` outlives this object. `share`: of the groups, 0 to 1; with 0 or fewer than two classes nothing is
  /// ever mixed.
  IdentityMixer(const ImageList& list, const Shape& shape, double share, MixBy by = MixBy::Blend);

  /// What stands for one group of a batch. Partner and proportion come from `rng`.
  struct Blend {
    const std::vector<std::uint32_t>* partner = nullptr;  ///< The partner's rows; null: the group stays.
    std::int64_t partner_label = -1;                      ///< Whose rows they are.
    std::uint32_t weight = 0;  ///< Of the partner, of 256: 64 to 115; 0: the partner has a part of its own.
    std::uint32_t cut_row = 0, cut_column = 0;  ///< Where that part begins; one is not 0, and counts.
  };
  Blend draw(std::int64_t label, Rng rng) const;

  /// The label of the batch's group number `group` of identity `own` under that blend. The same parts of the
  /// same two are one virtual identity, wherever the cut lies: with few identities a batch often draws them
  /// more than once. A group that is blended is nobody else in the batch.
  std::int64_t label_of(std::int64_t own, const Blend& blend, std::size_t group) const;

  /// The partner's row for one picture of the group; `blend` has a partner.
  static std::uint32_t partner_row(const Blend& blend, Rng rng) {
    return (*blend.partner)[rng.below(blend.partner->size())];
  }

  /// Memory that picture() works in: one of each thread.
  struct Scratch {
    std::vector<std::uint8_t> own, other, made;
  };
  /// The packed picture that stands for row `row` under that blend: its own one, or one made in `scratch`,
  /// which stays the caller's. `rng` chooses the partner's picture. Throws what PackedPicture::pixels throws.
  const std::uint8_t* picture(std::uint32_t row, const Blend& blend, Rng rng, Scratch& scratch) const;

 private:
  const ImageList& list_;
  Shape shape_;
  double share_;
  MixBy by_;
  std::vector<std::vector<std::uint32_t>> rows_;
  std::vector<std::size_t> filled_;  // Classes with pictures.
};

}  // namespace training
