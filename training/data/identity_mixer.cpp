// SPDX-License-Identifier: LGPL-2.1-or-later
#include "data/identity_mixer.h"

#include <algorithm>

#include "data/augment/augment_plan.h"

namespace training {

namespace {

constexpr std::uint32_t kLeast = 64, kMost = 115;  // Of 256.
constexpr double kNearest = 0.4, kFarthest = 0.6;  // Where a part ends, of a picture's side.

}  // namespace

IdentityMixer::IdentityMixer(const ImageList& list, const Shape& shape, double share, MixBy by)
    : list_(list), shape_(shape), share_(share), by_(by) {
  if (share <= 0) return;
  rows_ = rows_by_class(list.labels, list.classes);
  for (std::size_t c = 0; c < rows_.size(); ++c) {
    if (!rows_[c].empty()) filled_.push_back(c);
  }
}

IdentityMixer::Blend IdentityMixer::draw(std::int64_t label, Rng rng) const {
  if (filled_.size() < 2 || !rng.chance(share_)) return {};
  std::size_t partner = filled_[rng.below(filled_.size())];
  while (partner == static_cast<std::size_t>(label)) partner = filled_[rng.below(filled_.size())];
  Blend blend;
  blend.partner = &rows_[partner];
  blend.partner_label = static_cast<std::int64_t>(partner);
  if (by_ == MixBy::Blend || (by_ == MixBy::Both && rng.chance(0.5))) {
    blend.weight = kLeast + static_cast<std::uint32_t>(rng.below(kMost - kLeast + 1));
    return blend;
  }
  const bool lower = rng.chance(0.5);
  const double place = rng.uniform(kNearest, kFarthest) * (lower ? shape_.height : shape_.width);
  (lower ? blend.cut_row : blend.cut_column) = std::max(1U, static_cast<std::uint32_t>(place));
  return blend;
}

std::int64_t IdentityMixer::label_of(std::int64_t own, const Blend& blend, std::size_t group) const {
  if (blend.partner == nullptr) return own;
  const auto classes = static_cast<std::int64_t>(list_.classes);
  const std::int64_t parts = (own * classes + blend.partner_label) * 2 + (blend.cut_row != 0 ? 1 : 0);
  return classes + (blend.weight == 0 ? parts : 2 * classes * classes + static_cast<std::int64_t>(group));
}

const std::uint8_t* IdentityMixer::picture(std::uint32_t row, const Blend& blend, Rng rng,
                                           Scratch& scratch) const {
  const std::uint8_t* own = list_.images[row].pixels(scratch.own);
  if (blend.partner == nullptr) return own;
  const std::uint8_t* other = list_.images[partner_row(blend, rng)].pixels(scratch.other);
  std::vector<std::uint8_t>& made = scratch.made;
  const auto channels = static_cast<std::size_t>(shape_.channels);
  const auto row_bytes = static_cast<std::size_t>(shape_.width) * channels;
  made.resize(static_cast<std::size_t>(shape_.height) * row_bytes);
  if (blend.weight == 0) {
    // Of each row what lies before the cut is its own.
    for (std::size_t y = 0; y < static_cast<std::size_t>(shape_.height); ++y) {
      const std::size_t own_bytes = blend.cut_row == 0  ? blend.cut_column * channels
                                    : y < blend.cut_row ? row_bytes
                                                        : 0;
      std::uint8_t* line = made.data() + y * row_bytes;
      std::copy_n(own + y * row_bytes, own_bytes, line);
      std::copy_n(other + y * row_bytes + own_bytes, row_bytes - own_bytes, line + own_bytes);
    }
    return made.data();
  }
  for (std::size_t i = 0; i < made.size(); ++i) made[i] = blended(own[i], other[i], blend.weight);
  return made.data();
}

}  // namespace training
