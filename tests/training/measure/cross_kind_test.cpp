// SPDX-License-Identifier: LGPL-2.1-or-later
#include "measure/cross_kind.h"
#include "data/cross_batches.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/rng.h"
#include "class_labels.h"
#include "embed/dataset.h"
#include "error_code.h"

namespace training {
namespace {

using ::testing::HasSubstr;

/// A list whose pictures nobody looks at, with so many rows of each class and kind.
ImageList list_of(const std::vector<std::size_t>& first, const std::vector<std::size_t>& second) {
  ImageList list;
  list.labels = labels_of(first);
  list.first_kind = list.labels.size();
  for (const std::int64_t label : labels_of(second)) list.labels.push_back(label);
  list.images.resize(list.labels.size());
  list.sources.resize(list.labels.size());
  list.classes = first.size();
  return list;
}

TEST(CrossTriplets, AnchorOfTheFirstKindTheOthersOfTheSecond) {
  const auto first = labels_of({50, 3, 7, 1}), second = labels_of({50, 9, 4, 1});
  const auto triplets = cross_triplets(first, second, 4, 3);
  std::map<std::int64_t, std::size_t> count;
  std::map<std::int64_t, std::set<std::uint32_t>> anchors, positives;
  for (const TripletIndices& t : triplets) {
    ASSERT_LT(t.anchor, first.size());
    ASSERT_LT(t.positive, second.size());
    ASSERT_LT(t.negative, second.size());
    ASSERT_EQ(first[t.anchor], second[t.positive]);
    ASSERT_NE(first[t.anchor], second[t.negative]);
    const std::int64_t label = first[t.anchor];
    ++count[label];
    anchors[label].insert(t.anchor);
    positives[label].insert(t.positive);
  }
  // n − 1 for n rows of the more frequent kind, and one where there is one of each.
  EXPECT_EQ(count, (std::map<std::int64_t, std::size_t>{{0, 49}, {1, 8}, {2, 6}, {3, 1}}));
  EXPECT_EQ(anchors[0].size(), 49U);
  EXPECT_EQ(positives[0].size(), 49U);
  EXPECT_EQ(anchors[1].size(), 3U) << "the rarer kind begins again";
  EXPECT_EQ(positives[2].size(), 4U);
}

TEST(CrossTriplets, DrawTheNegativesClassUniformlyWhateverItsSize) {
  const auto first = labels_of({3001, 1, 1, 1}), second = labels_of({3001, 1000, 10, 1});
  std::map<std::int64_t, double> count;
  for (const TripletIndices& t : cross_triplets(first, second, 4, 9)) {
    if (first[t.anchor] == 0) ++count[second[t.negative]];
  }
  for (const std::int64_t c : {1, 2, 3}) EXPECT_NEAR(count[c], 1000, 130) << c;  // Five standard deviations.
}

TEST(CrossTriplets, LeaveOutWhatIsOfOneKindAndRefuseWhatHasNoTriplet) {
  // Class 1 has no anchors, class 2 no positives; class 1 still gives negatives.
  for (const TripletIndices& t : cross_triplets(labels_of({5, 0, 5}), labels_of({5, 5, 0}), 3, 1)) {
    EXPECT_LT(t.anchor, 5U);
    EXPECT_GE(t.negative, 5U);
  }
  EXPECT_THAT(error_of([] {
                cross_triplets(labels_of({5, 5}), labels_of({5, 0}), 2, 1);
              }),
              HasSubstr("two classes"));
  EXPECT_THAT(error_of([] {
                cross_triplets(labels_of({0, 0, 5}), labels_of({5, 5, 0}), 3, 1);
              }),
              HasSubstr("no class"));
}

TEST(CrossPkBatches, HoldKPicturesOfEachKindOfTheSameClasses) {
  const ImageList list = list_of({20, 12, 1, 9, 16}, {20, 16, 3, 9, 2});
  const auto batches = cross_pk_batches(list, 3, 4, 7);
  std::set<std::uint32_t> seen;
  for (const BatchPlan& batch : batches) {
    ASSERT_EQ(batch.size(), 24U);
    std::set<std::int64_t> classes;
    for (std::size_t i = 0; i < 12; ++i) {
      ASSERT_LT(batch[i], list.first_kind);
      ASSERT_GE(batch[12 + i], list.first_kind);
      ASSERT_EQ(list.labels[batch[i]], list.labels[batch[12 + i]]);
      ASSERT_EQ(list.labels[batch[i]], list.labels[batch[i / 4 * 4]]) << "a group is of one class";
      classes.insert(list.labels[batch[i]]);
    }
    EXPECT_EQ(classes.size(), 3U);
    seen.insert(batch.begin(), batch.end());
  }
  // Nearly every row of both kinds; the last batches are filled up with rows used before.
  EXPECT_GE(seen.size(), list.size() * 9 / 10);
  EXPECT_THAT(error_of([&] {
                cross_pk_batches(list_of({4, 4, 0}, {4, 4, 4}), 3, 2, 1);
              }),
              HasSubstr("only 2 have pictures of both kinds"));
}

TEST(CrossShuffledBatches, AreHalfOfEachKindAndShowEveryRow) {
  const ImageList list = list_of({30, 10}, {5, 20});
  const auto batches = cross_shuffled_batches(list, 16, 2);
  ASSERT_EQ(batches.size(), 5U);
  std::map<std::uint32_t, std::size_t> seen;
  for (const BatchPlan& batch : batches) {
    ASSERT_EQ(batch.size() % 2, 0U);
    for (std::size_t i = 0; i < batch.size(); ++i) {
      EXPECT_EQ(batch[i] < list.first_kind, i < batch.size() / 2);
      ++seen[batch[i]];
    }
  }
  EXPECT_EQ(seen.size(), list.size());
  for (std::uint32_t row = 0; row < list.first_kind; ++row) EXPECT_EQ(seen[row], 1U);
}

TEST(CrossBatches, OfAnEpochFollowTheOptionsAndDifferByEpoch) {
  const ImageList list = list_of({8, 8, 8}, {8, 8, 8});
  TrainOptions options;
  options.data_other = {"other"};
  options.loss = Loss::Triplet;
  options.miner = Miner::Offline;
  options.batch_size = 6;
  for (const BatchPlan& batch : epoch_batches(options, list, 0)) {
    ASSERT_EQ(batch.size() % 3, 0U);
    for (std::size_t i = 0; i < batch.size(); ++i)
      EXPECT_EQ(batch[i] < list.first_kind, i < batch.size() / 3) << "only anchors are of the first kind";
  }
  EXPECT_EQ(epoch_batches(options, list, 3), epoch_batches(options, list, 3));
  EXPECT_NE(epoch_batches(options, list, 3), epoch_batches(options, list, 4));
  options.miner = Miner::BatchHard;
  options.identities = 2, options.images_each = 3;
  EXPECT_EQ(epoch_batches(options, list, 0).front().size(), 12U);
  // Without a second kind they are those of before.
  options.data_other.clear();
  EXPECT_EQ(epoch_batches(options, list, 0), epoch_batches(options, list.labels, list.classes, 0));
}

TEST(CrossBatches, RanksTakeTheSameShareOfBothKinds) {
  std::set<std::size_t> all;
  for (std::size_t rank = 0; rank < 3; ++rank) {
    const auto places = places_of({rank, 3}, 20, 2);
    for (std::size_t i = 0; i < places.size() / 2; ++i)
      EXPECT_EQ(places[places.size() / 2 + i], places[i] + 10);
    all.insert(places.begin(), places.end());
  }
  EXPECT_EQ(all.size(), 20U);
}

/// Rows on a line: embedding (x, 0, 0, …).
LabelledEmbeddings on_a_line(const std::vector<float>& at, const std::vector<std::int64_t>& labels) {
  LabelledEmbeddings set;
  set.labels = labels;
  for (const float x : at) {
    set.values.emplace_back();
    set.values.back().fill(0);
    set.values.back()[0] = x;
  }
  return set;
}

TEST(CrossPairs, AreAllOfOneKindAgainstAllOfTheOther) {
  const LabelledEmbeddings first = on_a_line({0, 10}, {0, 1}), second = on_a_line({1, 4, 12}, {0, 1, 1});
  auto [genuine, impostor] = split_pairs(cross_pairs(first, second, embed::Metric::L1));
  std::sort(genuine.begin(), genuine.end());
  std::sort(impostor.begin(), impostor.end());
  EXPECT_EQ(genuine, (std::vector<float>{1, 2, 6}));
  EXPECT_EQ(impostor, (std::vector<float>{4, 9, 12}));
  EXPECT_EQ(cross_pairs(first, second, embed::Metric::L1, 2).size(), 5U) << "all genuine, two impostors";
}

TEST(CrossTripletAccuracy, CountsByHandAndByAllTriplets) {
  const LabelledEmbeddings first = on_a_line({0, 10}, {0, 1}), second = on_a_line({1, 4, 12}, {0, 1, 1});
  // Anchor 0: positive at 1, negatives at 4 and 12: both right. Anchor 10: positives 6 and 2 away, the
  // negative 9 away: both right.
  const TripletAccuracy right = all_cross_triplets(first, second, embed::Metric::L1);
  EXPECT_EQ(right.all, 4U);
  EXPECT_EQ(right.strict, 4U);
  // A tie and a wrong one: anchor at 2.5 lies as far from 1 as from 4.
  const LabelledEmbeddings moved = on_a_line({2.5F, 3}, {0, 1});
  const TripletAccuracy tied = all_cross_triplets(moved, second, embed::Metric::L1);
  EXPECT_EQ(tied.all, 4U);
  EXPECT_EQ(tied.correct, 3U);  // 1.5 ≤ 1.5, 1.5 < 9.5; 1 < 2; not 9 < 2.
  EXPECT_EQ(tied.strict, 2U);
  const TripletAccuracy one =
      cross_triplet_accuracy(moved, second, {{0, 0, 1}, {1, 2, 0}}, embed::Metric::L1);
  EXPECT_EQ(one.all, 2U);
  EXPECT_EQ(one.correct, 1U);
  EXPECT_EQ(one.strict, 0U);
  EXPECT_THAT(error_of([&] {
                cross_triplet_accuracy(moved, second, {{2, 0, 1}}, embed::Metric::L1);
              }),
              HasSubstr("not there"));
}

TEST(CrossTripletAccuracy, SpreadIsThatOfTheKindThatCollapsed) {
  const LabelledEmbeddings first = on_a_line({0, 10}, {0, 1}), flat = on_a_line({5, 5, 5}, {0, 1, 1});
  EXPECT_EQ(cross_triplet_accuracy(first, flat, {{0, 0, 1}}, embed::Metric::L1).spread, 0);
}

/// A packed set of flat pictures: so many of each name.
std::string packed(const std::string& name, const std::map<std::string, std::size_t>& counts, int size = 16) {
  embed::DatasetWriter writer(size, size, 1);
  std::vector<std::uint8_t> image(static_cast<std::size_t>(size) * static_cast<std::size_t>(size));
  for (const auto& [person, count] : counts) {
    for (std::size_t i = 0; i < count; ++i) {
      std::fill(image.begin(), image.end(), static_cast<std::uint8_t>(person[0] + name.size() + i));
      writer.add(image.data(), person, "");
    }
  }
  const std::string path = ::testing::TempDir() + "cross-kind-" + name + ".safetensors";
  writer.write(path);
  return path;
}

TEST(TrainingSetOfTwoKinds, MatchesIdentitiesByNameAndKeepsThoseOfBoth) {
  TrainOptions options;
  options.data = {packed("a", {{"ann", 3}, {"bob", 1}, {"cid", 4}, {"dan", 2}, {"fay", 2}})};
  options.data_other = {packed("bb", {{"bob", 1}, {"cid", 2}, {"eve", 3}, {"ann", 1}, {"fay", 2}})};
  options.val_fraction = 0;
  const TrainingSet set(options);
  const ImageList& list = set.train();
  EXPECT_EQ(list.classes, 4U) << "ann, bob, cid and fay: one of each kind is enough for --min-images 2";
  EXPECT_EQ(list.first_kind, 10U);
  EXPECT_EQ(list.of_first_kind().labels, (std::vector<std::int64_t>{0, 0, 0, 1, 2, 2, 2, 2, 3, 3}));
  EXPECT_EQ(list.of_second_kind().labels, (std::vector<std::int64_t>{0, 1, 2, 2, 3, 3}));
  EXPECT_NE(set.fingerprint(), set.other_fingerprint());

  options.val_fraction = 0.4;
  const TrainingSet split(options);
  EXPECT_EQ(split.validation().classes, 2U);
  EXPECT_GT(split.validation().first_kind, 0U);
  EXPECT_GT(split.validation().size(), split.validation().first_kind) << "held out of both kinds";
}

TEST(TrainingSetOfTwoKinds, ChangesItsOwnFingerprintOnly) {
  TrainOptions options;
  options.val_fraction = 0;
  options.data = {packed("a", {{"ann", 3}, {"bob", 2}})};
  EXPECT_EQ(TrainingSet(options).other_fingerprint(), "-");
  options.data_other = {packed("bb", {{"ann", 2}, {"bob", 2}})};
  const TrainingSet once(options);
  options.data_other = {packed("ccc", {{"ann", 2}, {"bob", 2}})};
  const TrainingSet other(options);
  EXPECT_EQ(once.fingerprint(), other.fingerprint());
  EXPECT_NE(once.other_fingerprint(), other.other_fingerprint());
}

TEST(TrainingSetOfTwoKinds, RefusesOtherSizesAndNoCommonName) {
  TrainOptions options;
  options.data = {packed("a", {{"ann", 3}, {"bob", 2}})};
  options.data_other = {packed("wide", {{"ann", 3}, {"bob", 2}}, 20)};
  EXPECT_THAT(error_of([&] { TrainingSet{options}; }, embed::ErrorCode::Mismatch), HasSubstr("20x20"));
  options.data_other = {packed("bb", {{"x", 3}, {"y", 2}})};
  EXPECT_THAT(error_of([&] { TrainingSet{options}; }), HasSubstr("both kinds"));
}

}  // namespace
}  // namespace training
