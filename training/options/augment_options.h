// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

namespace training {

enum class Augmentation { None, Face, Digit };
enum class MixBy { Blend, Parts, Both };
enum class AugmentOn { Auto, Workers, Device };

/// How pictures are changed before the network sees them.
struct AugmentOptions {
  Augmentation augmentation = Augmentation::None;
  /// Where pictures are augmented: see DeviceAugmenter.
  AugmentOn augment_on = AugmentOn::Auto;
  /// Share of a P×K batch's groups that become virtual identities; see IdentityMixer.
  double mix_identities = 0;
  /// How their pictures are made of two.
  MixBy mix_by = MixBy::Blend;
};

}  // namespace training
