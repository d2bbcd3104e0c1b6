// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <vector>

#include "base/rng.h"
#include "data/augment/augment_plan.h"
#include "options/augment_options.h"

namespace training {

/// Makes network pictures out of packed ones. The packed picture is at least as large as the network's; what
/// lies around the centre window is room for shifts and rotations. One object serves one thread (it owns
/// scratch memory).
class Augmenter {
 public:
  /// Sizes in pixels; packed sides exceed the network's by an even number.
  Augmenter(Augmentation kind, int packed_width, int packed_height, int width, int height, int channels);

  /// `packed`: [packed_height, packed_width, channels] uint8; `out`: [height, width, channels] uint8, the
  /// caller's. With Augmentation::None the centre window, byte for byte; else drawn from `rng`.
  /// `identity`, where given, draws a smooth warp first, the same for every picture that comes with the same
  /// generator: features lie elsewhere in it, as in another face.
  void apply(const std::uint8_t* packed, Rng& rng, std::uint8_t* out, const Rng* identity = nullptr) {
    apply(packed, draw(rng, identity), out);
  }
  /// The two halves of it.
  AugmentPlan draw(Rng& rng, const Rng* identity = nullptr) const;
  void apply(const std::uint8_t* packed, const AugmentPlan& plan, std::uint8_t* out);

  /// The centre window, byte for byte.
  void centre(const std::uint8_t* packed, std::uint8_t* out) const;

 private:
  void draw_map(Rng& rng, AugmentPlan& plan) const;
  static void draw_elastic(Rng& rng, double reach, AugmentPlan& plan);
  static void draw_colour(Rng& rng, AugmentPlan& plan);
  void draw_cover(Rng& rng, AugmentPlan& plan) const;

  Augmentation kind_;
  int packed_width_, packed_height_, width_, height_, channels_;
  std::vector<float> values_, scratch_;  // [height, width, channels] each, as augment_steps.h has them.
  std::vector<float> curve_;             // [kCurve]
};

}  // namespace training
