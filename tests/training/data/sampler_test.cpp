// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "class_labels.h"
#include "data/augment/augment.h"
#include "data/batch_sampler.h"
#include "error_code.h"
#include "learn/schedule.h"

namespace training {
namespace {

using ::testing::HasSubstr;

TEST(NoteTriplets, AreOneFewerThanTheSamplesOfEachClass) {
  // The training digits of MNIST, class by class: 60,000 images give 59,990 triplets.
  const auto labels = labels_of({5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949});
  const auto triplets = note_triplets(labels, 10, 3);
  EXPECT_EQ(triplets.size(), 59990U);
  std::map<std::int64_t, std::size_t> count;
  for (const auto& t : triplets) {
    ASSERT_EQ(labels[t.anchor], labels[t.positive]);
    ASSERT_NE(t.anchor, t.positive);
    ASSERT_NE(labels[t.anchor], labels[t.negative]);
    ++count[labels[t.anchor]];
  }
  EXPECT_EQ(count[1], 6741U);
}

TEST(NoteTriplets, ConsecutivePairsOfOneShuffleOfEachClass) {
  const auto labels = labels_of({50, 50});
  const auto triplets = note_triplets(labels, 2, 3);
  std::set<std::uint32_t> anchors, positives;
  bool moved = false;
  for (std::size_t i = 0; i < triplets.size(); ++i) {
    if (i > 0 && labels[triplets[i].anchor] == labels[triplets[i - 1].anchor]) {
      EXPECT_EQ(triplets[i].anchor, triplets[i - 1].positive);
    }
    moved = moved || triplets[i].positive != triplets[i].anchor + 1;
    anchors.insert(triplets[i].anchor);
    positives.insert(triplets[i].positive);
  }
  EXPECT_TRUE(moved) << "not shuffled";
  EXPECT_EQ(anchors.size(), 98U);
  EXPECT_EQ(positives.size(), 98U);
}

TEST(NoteTriplets, DrawTheNegativesClassUniformlyWhateverItsSize) {
  // Class 3 has one image, class 1 a thousand: both are drawn equally often as negatives of class 0.
  const auto labels = labels_of({3001, 1000, 10, 1});
  std::map<std::int64_t, double> count;
  for (const auto& t : note_triplets(labels, 4, 9)) {
    if (labels[t.anchor] == 0) ++count[labels[t.negative]];
  }
  for (const std::int64_t c : {1, 2, 3}) EXPECT_NEAR(count[c], 1000, 130) << c;  // Five standard deviations.
}

TEST(NoteTriplets, AreFrozenByTheirSeed) {
  const auto labels = labels_of({20, 20, 20});
  const auto a = note_triplets(labels, 3, 1), b = note_triplets(labels, 3, 1),
             c = note_triplets(labels, 3, 2);
  const auto same = [](const auto& x, const auto& y) {
    return std::equal(x.begin(), x.end(), y.begin(), [](const TripletIndices& s, const TripletIndices& t) {
      return s.anchor == t.anchor && s.positive == t.positive && s.negative == t.negative;
    });
  };
  EXPECT_TRUE(same(a, b));
  EXPECT_FALSE(same(a, c));
}

TEST(NoteTriplets, RefuseOneClassNoClassAndNoPair) {
  EXPECT_THAT(error_of([] { note_triplets(labels_of({5}), 1, 1); }), HasSubstr("two classes"));
  EXPECT_THAT(error_of([] { note_triplets({}, 0, 1); }), HasSubstr("two classes"));
  EXPECT_THAT(error_of([] { note_triplets(labels_of({5, 0}), 2, 1); }), HasSubstr("two classes"));
  EXPECT_THAT(error_of([] { note_triplets(labels_of({1, 1, 1}), 3, 1); }), HasSubstr("two samples"));
}

TEST(ShuffledBatches, CoverEveryRowOnceInBatchesOfNearlyEqualSize) {
  const auto batches = shuffled_batches(103, 10, 4);
  ASSERT_EQ(batches.size(), 11U);
  std::set<std::uint32_t> rows;
  for (const BatchPlan& batch : batches) {
    EXPECT_GE(batch.size(), 9U);
    EXPECT_LE(batch.size(), 10U);
    rows.insert(batch.begin(), batch.end());
  }
  EXPECT_EQ(rows.size(), 103U);
  EXPECT_FALSE(std::is_sorted(batches[0].begin(), batches[0].end()));
}

TEST(BalancedBatches, DrawEveryClassEquallyOften) {
  const auto labels = labels_of({60, 30, 6, 0, 4});
  const auto batches = balanced_batches(labels, 5, 16, 4);
  EXPECT_EQ(batches.size(), shuffled_batches(100, 16, 4).size());
  std::map<std::int64_t, std::size_t> drawn;
  std::map<std::uint32_t, std::size_t> rows;
  for (const BatchPlan& batch : batches) {
    for (const std::uint32_t row : batch) {
      ++drawn[labels[row]];
      ++rows[row];
    }
  }
  for (const std::int64_t c : {0, 1, 2, 4}) EXPECT_EQ(drawn[c], 25U) << c;
  for (std::uint32_t row = 90; row < 96; ++row) EXPECT_NEAR(static_cast<double>(rows[row]), 25.0 / 6, 1);
  const auto order = [&](std::uint64_t seed) { return balanced_batches(labels, 5, 16, seed).front(); };
  EXPECT_EQ(order(4), batches.front());
  EXPECT_NE(order(5), batches.front());
}

TEST(Schedule, MarginsGrowAsAsked) {
  TrainOptions options;
  options.margin = 0.4;
  options.margin_epochs = 2;
  EXPECT_DOUBLE_EQ(triplet_margin(options, 0, 10), 0);
  EXPECT_DOUBLE_EQ(triplet_margin(options, 10, 10), 0.2);
  EXPECT_DOUBLE_EQ(triplet_margin(options, 99, 10), 0.4);
  options.margin_epochs = 0;
  EXPECT_DOUBLE_EQ(triplet_margin(options, 0, 10), 0.4);
}

TEST(PkBatches, HoldPDifferentClassesWithKRowsEach) {
  const auto labels = labels_of({4, 9, 2, 1, 7, 40, 3});
  const auto batches = pk_batches(labels, 7, 3, 4, 5);
  std::set<std::uint32_t> seen;
  for (const BatchPlan& batch : batches) {
    ASSERT_EQ(batch.size(), 12U);
    std::set<std::int64_t> classes;
    for (std::size_t g = 0; g < 3; ++g) {
      const std::int64_t label = labels[batch[4 * g]];
      classes.insert(label);
      for (std::size_t k = 0; k < 4; ++k) EXPECT_EQ(labels[batch[4 * g + k]], label);
    }
    EXPECT_EQ(classes.size(), 3U);
    EXPECT_EQ(classes.count(3), 0U) << "one image makes no pair";
    seen.insert(batch.begin(), batch.end());
  }
  // Groups: 1 + 3 + 1 + 2 + 10 + 1 = 18 → 6 batches. The large class cannot be in all its ten.
  EXPECT_EQ(batches.size(), 6U);
  EXPECT_GE(seen.size(), 40U);
}

TEST(PkBatches, SeeNearlyEveryRowWhenClassesAreAlike) {
  const auto labels = labels_of(std::vector<std::size_t>(50, 8));
  std::set<std::uint32_t> seen;
  for (const BatchPlan& batch : pk_batches(labels, 50, 10, 4, 6)) seen.insert(batch.begin(), batch.end());
  EXPECT_GE(seen.size(), 380U);
}

TEST(PkBatches, HoldMoreGroupsThanClassesWhereTheyMayRepeat) {
  const auto labels = labels_of({12, 12, 13});
  std::set<std::uint32_t> seen;
  const auto batches = pk_batches(labels, 3, 8, 2, 5, 2, true);
  for (const BatchPlan& batch : batches) {
    ASSERT_EQ(batch.size(), 16U);
    for (std::size_t g = 0; g < 8; ++g) EXPECT_EQ(labels[batch[2 * g]], labels[batch[2 * g + 1]]);
    seen.insert(batch.begin(), batch.end());
  }
  EXPECT_EQ(batches.size(), 3U) << "6 + 6 + 7 groups";
  EXPECT_EQ(seen.size(), labels.size());
}

TEST(PkBatches, ShowEveryPictureOfASmallClassBeforeOneComesAgain) {
  const std::vector<std::size_t> sizes = {2, 3, 5, 9};
  const auto labels = labels_of(sizes);
  constexpr std::size_t kImagesEach = 4;
  for (const BatchPlan& batch : pk_batches(labels, sizes.size(), 2, kImagesEach, 5)) {
    for (std::size_t start = 0; start < batch.size(); start += kImagesEach) {
      std::map<std::uint32_t, std::size_t> shown;
      for (std::size_t k = 0; k < kImagesEach; ++k) ++shown[batch[start + k]];
      const std::size_t size = sizes[static_cast<std::size_t>(labels[batch[start]])];
      EXPECT_EQ(shown.size(), std::min(size, kImagesEach)) << "of a class of " << size;
      for (const auto& [row, times] : shown) {
        EXPECT_LE(times, (kImagesEach + size - 1) / size) << "row " << row << " of a class of " << size;
      }
    }
  }
}

TEST(PkBatches, RefuseMoreIdentitiesThanThereAre) {
  EXPECT_THAT(error_of([] { pk_batches(labels_of({4, 4, 1}), 3, 3, 2, 1); }), HasSubstr("only 2"));
  EXPECT_THAT(error_of([] { pk_batches(labels_of({4, 1}), 2, 3, 2, 1, 2, true); }), HasSubstr("only 1"));
}

TEST(EpochBatches, DependOnSeedAndEpochAlone) {
  TrainOptions options;
  options.batch_size = 8;
  const auto labels = labels_of({20, 20});
  EXPECT_EQ(epoch_batches(options, labels, 2, 3), epoch_batches(options, labels, 2, 3));
  EXPECT_NE(epoch_batches(options, labels, 2, 3), epoch_batches(options, labels, 2, 4));
  options.seed = 2;
  const auto other = epoch_batches(options, labels, 2, 3);
  options.seed = 1;
  EXPECT_NE(epoch_batches(options, labels, 2, 3), other);
}

TEST(Schedule, WarmsUpLinearlyThenFallsAsACosine) {
  TrainOptions options;
  options.lr = 1;
  options.epochs = 10;
  options.warmup_epochs = 1;
  EXPECT_DOUBLE_EQ(learning_rate(options, 0, 10), 0.1);
  EXPECT_DOUBLE_EQ(learning_rate(options, 4, 10), 0.5);
  EXPECT_DOUBLE_EQ(learning_rate(options, 10, 10), 1.0);
  EXPECT_NEAR(learning_rate(options, 55, 10), 0.5, 1e-12);
  EXPECT_LT(learning_rate(options, 99, 10), 0.001);
  EXPECT_GT(learning_rate(options, 99, 10), 0);
}

TEST(Schedule, StepsAndStaysConstant) {
  TrainOptions options;
  options.lr = 1;
  options.epochs = 4;
  options.warmup_epochs = 0;
  options.schedule = Schedule::Step;
  EXPECT_DOUBLE_EQ(learning_rate(options, 19, 10), 1);
  EXPECT_DOUBLE_EQ(learning_rate(options, 20, 10), 0.1);
  EXPECT_NEAR(learning_rate(options, 30, 10), 0.01, 1e-15);
  options.schedule = Schedule::Constant;
  EXPECT_DOUBLE_EQ(learning_rate(options, 39, 10), 1);
}

TEST(Schedule, CosFaceMarginGrowsFromZero) {
  TrainOptions options;
  options.cos_margin = 0.4;
  options.cos_margin_epochs = 2;
  EXPECT_DOUBLE_EQ(cosface_margin(options, 0, 10), 0);
  EXPECT_DOUBLE_EQ(cosface_margin(options, 10, 10), 0.2);
  EXPECT_DOUBLE_EQ(cosface_margin(options, 500, 10), 0.4);
  options.cos_margin_epochs = 0;
  EXPECT_DOUBLE_EQ(cosface_margin(options, 0, 10), 0.4);
}

std::vector<std::uint8_t> gradient_picture(int side, int channels) {
  std::vector<std::uint8_t> picture;
  for (int i = 0; i < side * side * channels; ++i) picture.push_back(static_cast<std::uint8_t>(i * 7 % 251));
  return picture;
}

TEST(Augmenter, NoneCutsTheCentreByteForByte) {
  const auto packed = gradient_picture(20, 3);
  std::vector<std::uint8_t> out(16 * 16 * 3);
  Augmenter augmenter(Augmentation::None, 20, 20, 16, 16, 3);
  Rng rng(1);
  augmenter.apply(packed.data(), rng, out.data());
  for (std::size_t y = 0; y < 16; ++y) {
    for (std::size_t x = 0; x < 48; ++x) ASSERT_EQ(out[y * 48 + x], packed[(y + 2) * 60 + 6 + x]);
  }
}

TEST(Augmenter, ChangesPicturesAsTheGeneratorSays) {
  const auto packed = gradient_picture(20, 3);
  for (const Augmentation kind : {Augmentation::Face, Augmentation::Digit}) {
    Augmenter augmenter(kind, 20, 20, 16, 16, 3);
    std::vector<std::uint8_t> a(16 * 16 * 3), b(a.size()), c(a.size());
    Rng first(1), again(1), other(2);
    augmenter.apply(packed.data(), first, a.data());
    augmenter.apply(packed.data(), other, c.data());
    augmenter.apply(packed.data(), again, b.data());
    EXPECT_EQ(a, b);
    EXPECT_NE(a, c);
  }
}

TEST(Augmenter, KeepsAFlatGreyPictureNearlyFlatInside) {
  // Digits: geometry alone, so that the middle of a flat picture stays what it was.
  const std::vector<std::uint8_t> packed(28 * 28, 200);
  Augmenter augmenter(Augmentation::Digit, 28, 28, 28, 28, 1);
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    std::vector<std::uint8_t> out(28 * 28);
    Rng rng(seed);
    augmenter.apply(packed.data(), rng, out.data());
    EXPECT_EQ(out[14 * 28 + 14], 200);
  }
}

TEST(Augmenter, APartOfAFaceIsCoveredAsOftenAsSaid) {
  const std::vector<std::uint8_t> packed(48 * 48, 120);  // Flat: only what covers a part of it makes an edge.
  Augmenter augmenter(Augmentation::Face, 48, 48, 24, 24, 1);
  int count = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    std::vector<std::uint8_t> out(24 * 24);
    Rng rng(seed);
    augmenter.apply(packed.data(), rng, out.data());
    const auto [least, most] = std::minmax_element(out.begin(), out.end());
    count += *most - *least > 3 ? 1 : 0;
  }
  EXPECT_NEAR(count, 100, 30);
}

TEST(RngTest, IsUniformAndTheSameEverywhere) {
  Rng rng(42);
  EXPECT_EQ(Rng(42).next(), rng.next());
  EXPECT_NE(Rng(1, {2, 3}).next(), Rng(1, {3, 2}).next());
  double sum = 0, squares = 0;
  std::vector<int> bins(10);
  for (int i = 0; i < 20000; ++i) {
    const double value = rng.normal();
    sum += value;
    squares += value * value;
    ++bins[rng.below(10)];
  }
  EXPECT_NEAR(sum / 20000, 0, 0.03);
  EXPECT_NEAR(squares / 20000, 1, 0.05);
  for (const int bin : bins) EXPECT_NEAR(bin, 2000, 220);
}

}  // namespace
}  // namespace training
