// SPDX-License-Identifier: LGPL-2.1-or-later
// The steps as a GPU runs them, pixel by pixel in any order, beside whole rows as Augmenter does them.
#include "data/augment/augment_steps.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "data/augment/augment.h"
#include "data/identity_mixer.h"
#include "data/prefetcher.h"

namespace training {
namespace {

struct Sizes {
  int packed_width, packed_height, width, height, channels;
  std::size_t packed_bytes() const {
    return static_cast<std::size_t>(packed_width * packed_height * channels);
  }
  std::size_t bytes() const { return static_cast<std::size_t>(width * height * channels); }
};

/// Waves with some noise, other ones in each picture.
std::vector<std::uint8_t> pictures(const Sizes& sizes, std::size_t count) {
  Rng rng(3);
  std::vector<std::uint8_t> all;
  for (std::size_t n = 0; n < count; ++n) {
    for (std::size_t i = 0; i < sizes.packed_bytes(); ++i) {
      const double wave = 80 * std::sin(static_cast<double>(i) * 0.02 * static_cast<double>(n + 1));
      all.push_back(static_cast<std::uint8_t>(std::clamp(128 + wave + 10 * rng.normal(), 0.0, 255.0)));
    }
  }
  return all;
}

std::vector<std::uint8_t> by_steps(const Sizes& sizes, const std::vector<std::uint8_t>& packed,
                                   const std::vector<AugmentItem>& items, bool faces) {
  std::vector<std::uint8_t> out(items.size() * sizes.bytes(), 77);
  std::vector<float> values(out.size()), scratch(out.size()), curves(items.size() * kCurve);
  AugmentJob job;
  job.pictures = packed.data();
  job.items = items.data();
  job.count = static_cast<std::int64_t>(items.size());
  job.packed_width = sizes.packed_width;
  job.packed_height = sizes.packed_height;
  job.width = sizes.width;
  job.height = sizes.height;
  job.channels = sizes.channels;
  job.values = values.data();
  job.scratch = scratch.data();
  job.curves = curves.data();
  job.out = out.data();
  job.jpeg = jpeg_tables();
  augment_steps::run_all(job, faces, [&](const auto& step) {
    // Backwards: no run may need another one of its own step.
    for (auto n = static_cast<std::int64_t>(items.size()); n-- > 0;) {
      for (int y = step.height(); y-- > 0;) {
        for (int x = step.width(); x-- > 0;) step(n, y, x, x + 1);
      }
    }
  });
  return out;
}

/// Bytes that differ, and by how much at most.
struct Difference {
  std::size_t many = 0;
  int most = 0;
};
Difference difference(const std::uint8_t* a, const std::uint8_t* b, std::size_t count) {
  Difference found;
  for (std::size_t i = 0; i < count; ++i) {
    found.many += a[i] != b[i];
    found.most = std::max(found.most, std::abs(a[i] - b[i]));
  }
  return found;
}

TEST(AugmentSteps, DoWhatTheAugmenterDoes) {
  const std::size_t count = 120;
  for (const Sizes& sizes : {Sizes{30, 30, 24, 24, 3}, Sizes{25, 31, 21, 27, 3}, Sizes{20, 22, 20, 22, 1}}) {
    const std::vector<std::uint8_t> packed = pictures(sizes, 3);
    for (const Augmentation kind : {Augmentation::None, Augmentation::Face, Augmentation::Digit}) {
      for (const bool feature : {false, true}) {
        Augmenter augmenter(kind, sizes.packed_width, sizes.packed_height, sizes.width, sizes.height,
                            sizes.channels);
        std::vector<AugmentItem> items;
        std::vector<std::uint8_t> expected(sizes.bytes());
        for (std::size_t n = 0; n < count; ++n) {
          Rng rng(n);
          const Rng features(n / 4);
          AugmentItem& item = items.emplace_back();
          item.row = item.partner = static_cast<std::uint32_t>(n % 3);
          item.plan = augmenter.draw(rng, feature ? &features : nullptr);
        }
        const std::vector<std::uint8_t> out = by_steps(sizes, packed, items, kind == Augmentation::Face);
        std::size_t blurred = 0, stored = 0, covered = 0;
        for (std::size_t n = 0; n < count; ++n) {
          const AugmentPlan& plan = items[n].plan;
          augmenter.apply(packed.data() + items[n].row * sizes.packed_bytes(), plan, expected.data());
          const Difference found = difference(expected.data(), out.data() + n * sizes.bytes(), sizes.bytes());
          EXPECT_EQ(found.most, 0) << to_string(kind) << " picture " << n << ": " << found.many << " bytes";
          blurred += plan.blur_radius > 0;
          stored += plan.jpeg_quality > 0;
          covered += plan.covered_width > 0;
        }
        // All that can happen to a face did, with and without the rest.
        const bool face = kind == Augmentation::Face;
        for (const std::size_t had : {blurred, stored, covered}) {
          EXPECT_EQ(had > 10, face);
          EXPECT_LT(had, 100U);
        }
      }
    }
  }
}

TEST(AugmentSteps, MixTwoPicturesAsTheMixerDoes) {
  const Sizes sizes{20, 20, 16, 16, 3};
  const std::vector<std::uint8_t> packed = pictures(sizes, 2);
  ImageList list;
  list.images = {packed.data(), packed.data() + sizes.packed_bytes()};
  list.labels = {0, 1};
  list.classes = 2;
  const IdentityMixer mixer(list, {20, 20, 3}, 1, MixBy::Both);
  Augmenter augmenter(Augmentation::Face, 20, 20, 16, 16, 3);
  IdentityMixer::Scratch blended;
  std::vector<std::uint8_t> expected(sizes.bytes());
  std::size_t blends = 0, lower = 0, right = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const IdentityMixer::Blend blend = mixer.draw(0, Rng(seed));
    ASSERT_NE(blend.partner, nullptr);
    blends += blend.weight != 0;
    lower += blend.cut_row != 0;
    right += blend.cut_column != 0;
    AugmentItem item;
    item.row = 0;
    item.partner = IdentityMixer::partner_row(blend, Rng(6));
    item.partner_weight = blend.weight;
    item.cut_row = blend.cut_row;
    item.cut_column = blend.cut_column;
    Rng rng(7);
    item.plan = augmenter.draw(rng);
    augmenter.apply(mixer.picture(0, blend, Rng(6), blended), item.plan, expected.data());
    EXPECT_EQ(item.partner, 1U);
    EXPECT_EQ(by_steps(sizes, packed, {item}, true), expected);
  }
  for (const std::size_t had : {blends, lower, right}) EXPECT_GT(had, 4U);
}

}  // namespace
}  // namespace training
