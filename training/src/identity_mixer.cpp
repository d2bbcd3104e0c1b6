// SPDX-License-Identifier: LGPL-2.1-or-later
#include "identity_mixer.h"

namespace training {

namespace {

constexpr std::uint32_t kLeast = 64, kMost = 115;  // Of 256.

}  // namespace

IdentityMixer::IdentityMixer(const ImageList& list, std::size_t picture_bytes, double share)
    : list_(list), bytes_(picture_bytes), share_(share) {
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
  return {&rows_[partner], kLeast + static_cast<std::uint32_t>(rng.below(kMost - kLeast + 1))};
}

const std::uint8_t* IdentityMixer::picture(std::uint32_t row, const Blend& blend, Rng rng,
                                           std::vector<std::uint8_t>& scratch) const {
  const std::uint8_t* own = list_.images[row];
  if (blend.partner == nullptr) return own;
  const std::uint8_t* other = list_.images[(*blend.partner)[rng.below(blend.partner->size())]];
  scratch.resize(bytes_);
  for (std::size_t i = 0; i < bytes_; ++i) {
    scratch[i] =
        static_cast<std::uint8_t>((own[i] * (256 - blend.weight) + other[i] * blend.weight + 128) >> 8U);
  }
  return scratch.data();
}

}  // namespace training
