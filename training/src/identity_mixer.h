// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "batch_sampler.h"
#include "rng.h"
#include "training_set.h"

namespace training {

/// Makes people who do not exist: in a P×K batch some groups of K pictures become a virtual identity, each
/// picture the blend of one of its own with one of a partner identity, partner and weight the same for the
/// whole group. A few identities then give as many as there are pairs of them, and the network learns what
/// tells people apart rather than who is who. The partner weighs less than half, so that the group's label
/// stays the nearer one; its own group in the batch is a hard negative. (The pictures' blend is mixup's,
/// Zhang et al., 2018; here it makes identities, not soft labels.) Pictures should be aligned. Thread-safe
/// once constructed.
class IdentityMixer {
 public:
  /// `list` outlives this object. `picture_bytes`: of a packed picture. `share`: of the groups, 0 to 1; with
  /// 0 or fewer than two classes nothing is ever mixed.
  IdentityMixer(const ImageList& list, std::size_t picture_bytes, double share);

  /// What stands for one group of a batch. Partner and weight come from `rng`.
  struct Blend {
    const std::vector<std::uint32_t>* partner = nullptr;  ///< The partner's rows; null: the group stays.
    std::uint32_t weight = 0;                             ///< Of the partner, of 256: 64 to 115.
  };
  Blend draw(std::int64_t label, Rng rng) const;

  /// The packed picture that stands for row `row` under that blend: its own one, or one made in `scratch`
  /// (resized as needed), which stays the caller's. `rng` chooses the partner's picture.
  const std::uint8_t* picture(std::uint32_t row, const Blend& blend, Rng rng,
                              std::vector<std::uint8_t>& scratch) const;

 private:
  const ImageList& list_;
  std::size_t bytes_;
  double share_;
  std::vector<std::vector<std::uint32_t>> rows_;
  std::vector<std::size_t> filled_;  // Classes with pictures.
};

}  // namespace training
