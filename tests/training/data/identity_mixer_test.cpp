// SPDX-License-Identifier: LGPL-2.1-or-later
#include "data/identity_mixer.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <tuple>

#include "data/augment/augment.h"
#include "error_code.h"

namespace training {
namespace {

constexpr std::size_t kBytes = 4;
constexpr IdentityMixer::Shape kShape{2, 2, 1};

/// Three identities; every pixel of a picture has one value that tells which it is.
struct People {
  People() {
    for (std::size_t row = 0; row < 7; ++row) {
      pixels.emplace_back(kBytes, static_cast<std::uint8_t>(row * 32));
      list.labels.push_back(static_cast<std::int64_t>(row < 3 ? 0 : row < 5 ? 1 : 2));
    }
    for (const auto& picture : pixels) list.images.push_back(picture.data());
    list.classes = 3;
  }
  std::vector<std::vector<std::uint8_t>> pixels;
  ImageList list;
};

TEST(IdentityMixer, LeavesEveryGroupAloneWithoutAShare) {
  const People people;
  const IdentityMixer mixer(people.list, kShape, 0);
  IdentityMixer::Scratch scratch;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const IdentityMixer::Blend blend = mixer.draw(1, Rng(seed));
    EXPECT_EQ(blend.partner, nullptr);
    EXPECT_EQ(mixer.picture(4, blend, Rng(seed), scratch), people.pixels[4].data()) << "no copy is made";
  }
}

TEST(IdentityMixer, BlendsWithOneOtherIdentityThatWeighsLess) {
  const People people;
  const IdentityMixer mixer(people.list, kShape, 1);
  IdentityMixer::Scratch scratch;
  std::set<const void*> partners;
  std::set<std::uint32_t> weights;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const IdentityMixer::Blend blend = mixer.draw(1, Rng(seed));
    ASSERT_NE(blend.partner, nullptr);
    for (const std::uint32_t row : *blend.partner) EXPECT_NE(people.list.labels[row], 1);
    EXPECT_GE(blend.weight, 64U);
    EXPECT_LE(blend.weight, 115U);
    partners.insert(blend.partner);
    weights.insert(blend.weight);
    const std::uint8_t value = mixer.picture(4, blend, Rng(seed + 1), scratch)[0];
    std::set<int> possible;
    for (const std::uint32_t row : *blend.partner) {
      possible.insert(
          static_cast<int>((4 * 32 * (256 - blend.weight) + row * 32 * blend.weight + 128) / 256));
    }
    EXPECT_EQ(possible.count(value), 1U) << static_cast<int>(value);
  }
  EXPECT_EQ(partners.size(), 2U) << "both others";
  EXPECT_GT(weights.size(), 30U);
}

TEST(IdentityMixer, MixesTheShareOfTheGroups) {
  const People people;
  const IdentityMixer mixer(people.list, kShape, 0.3);
  int mixed = 0;
  for (std::uint64_t seed = 0; seed < 2000; ++seed)
    mixed += static_cast<int>(mixer.draw(0, Rng(seed)).partner != nullptr);
  EXPECT_NEAR(mixed / 2000.0, 0.3, 0.05);
}

TEST(IdentityMixer, PutsAPictureTogetherOfTwoParts) {
  constexpr std::size_t kSide = 10, kChannels = 3;
  std::vector<std::uint8_t> own(kSide * kSide * kChannels, 10), other(own.size(), 200);
  IdentityMixer::Scratch scratch;
  ImageList list;
  list.images = {own.data(), other.data()};
  list.labels = {0, 1};
  list.classes = 2;
  const IdentityMixer mixer(list, {kSide, kSide, kChannels}, 1, MixBy::Parts);
  std::set<std::uint32_t> rows, columns;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const IdentityMixer::Blend blend = mixer.draw(0, Rng(seed));
    EXPECT_EQ(blend.weight, 0U);
    ASSERT_NE(blend.cut_row == 0, blend.cut_column == 0) << "the cut lies one way";
    (blend.cut_row != 0 ? rows : columns).insert(blend.cut_row + blend.cut_column);
    const std::uint8_t* made = mixer.picture(0, blend, Rng(seed), scratch);
    for (std::size_t y = 0; y < kSide; ++y) {
      for (std::size_t x = 0; x < kSide; ++x) {
        const bool partners = blend.cut_row != 0 ? y >= blend.cut_row : x >= blend.cut_column;
        for (std::size_t c = 0; c < kChannels; ++c)
          ASSERT_EQ(made[(y * kSide + x) * kChannels + c], partners ? 200 : 10);
      }
    }
  }
  EXPECT_EQ(rows, (std::set<std::uint32_t>{4, 5}));
  EXPECT_EQ(columns, rows);
  const IdentityMixer both(list, {kSide, kSide, kChannels}, 1, MixBy::Both);
  std::size_t blends = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) blends += both.draw(0, Rng(seed)).weight != 0;
  EXPECT_GT(blends, 70U);
  EXPECT_LT(blends, 130U);
}

TEST(IdentityMixer, TheSamePartsOfTheSameTwoAreOneIdentity) {
  const People people;
  const IdentityMixer mixer(people.list, {10, 10, 1}, 0.8, MixBy::Both);
  struct Kind {
    std::int64_t own, partner;
    bool lower;
    bool operator<(const Kind& other) const {
      return std::tie(own, partner, lower) < std::tie(other.own, other.partner, other.lower);
    }
  };
  std::map<Kind, std::set<std::int64_t>> parts;
  std::map<Kind, std::set<std::uint32_t>> cuts;
  std::set<std::int64_t> labels;  // Of the blends and of every kind of parts: nobody's twice.
  std::size_t blends = 0;
  for (std::size_t group = 0; group < 600; ++group) {
    const auto own = static_cast<std::int64_t>(group % 3);
    const IdentityMixer::Blend blend = mixer.draw(own, Rng(group));
    const std::int64_t label = mixer.label_of(own, blend, group);
    if (blend.partner == nullptr) {
      EXPECT_EQ(label, own);
      continue;
    }
    EXPECT_GE(label, 3) << "nobody who is there";
    const std::int64_t partner = people.list.labels[blend.partner->front()];
    EXPECT_EQ(blend.partner_label, partner);
    if (blend.weight != 0) {
      ++blends;
      EXPECT_TRUE(labels.insert(label).second);
      continue;
    }
    parts[{own, partner, blend.cut_row != 0}].insert(label);
    cuts[{own, partner, blend.cut_row != 0}].insert(blend.cut_row + blend.cut_column);
  }
  EXPECT_GT(blends, 100U);
  EXPECT_EQ(parts.size(), 12U) << "six pairs in order, two ways to cut";
  for (const auto& [kind, own_labels] : parts) {
    ASSERT_EQ(own_labels.size(), 1U);
    EXPECT_TRUE(labels.insert(*own_labels.begin()).second);
    EXPECT_GT(cuts[kind].size(), 1U) << "wherever the cut lies";
  }
}

TEST(IdentityMixer, OneIdentityHasNoPartner) {
  People people;
  for (std::int64_t& label : people.list.labels) label = 0;
  people.list.classes = 1;
  const IdentityMixer mixer(people.list, kShape, 1);
  EXPECT_EQ(mixer.draw(0, Rng(1)).partner, nullptr);
}

TEST(IdentityMixer, AnIdentitysWarpIsTheSameForItsPictures) {
  // Without the pictures' own changes the warp alone remains: the elastic field of the identity's generator.
  std::vector<std::uint8_t> packed(32 * 32);
  for (std::size_t i = 0; i < packed.size(); ++i) packed[i] = static_cast<std::uint8_t>(i * 5 % 251);
  Augmenter augmenter(Augmentation::Face, 32, 32, 32, 32, 1);
  const auto made = [&](std::uint64_t picture, const Rng* identity) {
    std::vector<std::uint8_t> out(packed.size());
    Rng rng(picture);
    augmenter.apply(packed.data(), rng, out.data(), identity);
    return out;
  };
  const Rng one(7), other(8);
  EXPECT_EQ(made(1, &one), made(1, &one)) << "the identity's generator is not used up";
  EXPECT_NE(made(1, &one), made(1, &other));
  EXPECT_NE(made(1, &one), made(1, nullptr));
  EXPECT_NE(made(1, &one), made(2, &one));
}

TEST(IdentityMixer, TheOptionIsForMinedTripletsAlone) {
  TrainOptions options;
  options.data = {"set"};
  options.out = "w";
  options.mix_identities = 0.5;
  const auto code = [&] { return code_of([&] { validate(options); }); };
  EXPECT_EQ(code(), embed::ErrorCode::InvalidArgument) << "a class loss has no class for them";
  options.loss = Loss::Triplet;
  options.identities = 4;
  EXPECT_NO_THROW(validate(options));
  options.mix_identities = 1.5;
  EXPECT_EQ(code(), embed::ErrorCode::InvalidArgument);
}

}  // namespace
}  // namespace training
