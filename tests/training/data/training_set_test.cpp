// SPDX-License-Identifier: LGPL-2.1-or-later
#include "data/training_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <numeric>
#include <set>

#include "data/prefetcher.h"
#include "embed/dataset.h"
#include "error_code.h"
#include "no_new_threads.h"

namespace training {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// A packed set of five people with two pictures each, every byte of which tells where it is.
class TrainingSetFile : public ::testing::Test {
 protected:
  void write(int height, int width) {
    embed::DatasetWriter writer(height, width, 3);
    std::vector<std::uint8_t> picture(static_cast<std::size_t>(height * width) * 3);
    for (const char* name : {"a/ada", "a/bob", "cy", "dan", "eve"}) {
      for (int i = 0; i < 2; ++i) {
        std::iota(picture.begin(), picture.end(), static_cast<std::uint8_t>(100 * i));
        writer.add(picture.data(), name, "");
      }
    }
    writer.write(path_);
    options_.data = {path_};
    options_.val_fraction = 0;
  }
  void TearDown() override { std::remove(path_.c_str()); }

  std::string path_ = ::testing::TempDir() + "training-set-" + std::to_string(getpid());
  TrainOptions options_;
};

TEST_F(TrainingSetFile, LeavesOutWhomTheOptionsName) {
  write(16, 16);
  options_.without = {"bob", "dan", "nobody"};
  const TrainingSet set(options_);
  EXPECT_THAT(set.train().names, ElementsAre("a/ada", "cy", "eve"));
  EXPECT_EQ(set.train().size(), 6U);
  options_.without = {"a/ada"};
  EXPECT_THAT(TrainingSet(options_).train().names, ElementsAre("a/bob", "cy", "dan", "eve"));
  EXPECT_NE(TrainingSet(options_).fingerprint(), set.fingerprint());
}

TEST_F(TrainingSetFile, RefusesAListThatLeavesOutNobody) {
  write(16, 16);
  options_.without = {"Bob", "nobody"};
  EXPECT_THAT(error_of([&] { TrainingSet{options_}; }, embed::ErrorCode::InvalidArgument),
              HasSubstr("none of the 2 names, 'Bob' for one"));
}

TEST_F(TrainingSetFile, LeavesThemOutOfValidationToo) {
  write(16, 16);
  options_.val_fraction = 0.5;
  options_.without = {"bob"};
  const TrainingSet set(options_);
  EXPECT_EQ(set.train().classes + set.validation().classes, 4U);
  for (const std::string& name : set.validation().names) EXPECT_NE(name, "a/bob");
}

TEST_F(TrainingSetFile, SaysThatNoThreadCanMakeItsBatches) {
  write(16, 16);
  const TrainingSet set(options_);
  const auto batches = epoch_batches(options_, set.train().labels, 5, 0);
  const fixtures::NoNewThreads none;
  EXPECT_THAT(error_of([&] { Prefetcher(set, options_, 0, batches, 0); }, embed::ErrorCode::Internal),
              HasSubstr("no thread to make the batches"));
}

TEST_F(TrainingSetFile, GivesVirtualIdentitiesLabelsOfTheirOwn) {
  write(16, 16);
  options_.loss = Loss::Triplet;
  options_.identities = 12;  // Of five.
  options_.images_each = 2;
  options_.mix_identities = 0.5;
  const TrainingSet set(options_);
  std::size_t virtual_groups = 0, real_groups = 0;
  for (std::size_t epoch = 0; epoch < 5; ++epoch) {
    Prefetcher prefetcher(set, options_, epoch, epoch_batches(options_, set.train().labels, 5, epoch), 0);
    Batch batch;
    while (prefetcher.next(batch)) {
      ASSERT_EQ(batch.labels.size(), 24U);
      for (std::size_t group = 0; group < 12; ++group) {
        const std::int64_t label = batch.labels[2 * group];
        EXPECT_EQ(batch.labels[2 * group + 1], label);
        if (label < 5) {
          ++real_groups;
        } else {
          ++virtual_groups;
          EXPECT_EQ(std::count(batch.labels.begin(), batch.labels.end(), label), 2);
        }
      }
    }
  }
  EXPECT_GT(virtual_groups, real_groups / 3);
  EXPECT_GT(real_groups, virtual_groups / 3);
}

TEST_F(TrainingSetFile, GivesTheSamePartsOfTheSameTwoOneLabel) {
  write(16, 16);
  options_.loss = Loss::Triplet;
  options_.identities = 24;
  options_.images_each = 2;
  options_.mix_identities = 0.8;
  options_.mix_by = MixBy::Parts;
  const TrainingSet set(options_);
  const ImageList& list = set.train();
  Prefetcher prefetcher(set, options_, 0, epoch_batches(options_, list.labels, 5, 0), 0, {},
                        Prefetcher::Make::Items);
  Batch batch;
  std::size_t met_again = 0;
  while (prefetcher.next(batch)) {
    ASSERT_EQ(batch.items.size(), 48U);
    std::map<std::int64_t, std::array<std::int64_t, 3>> kinds;
    std::set<std::array<std::int64_t, 3>> different;
    for (std::size_t i = 0; i < 48; i += 2) {
      const AugmentItem& item = batch.items[i];
      const std::int64_t way = item.cut_row != 0 ? 1 : item.cut_column != 0 ? 2 : 0;
      const std::array<std::int64_t, 3> kind{list.labels[item.row], list.labels[item.partner], way};
      const auto [known, is_new] = kinds.emplace(batch.labels[i], kind);
      EXPECT_EQ(known->second, kind) << "one label, one identity";
      met_again += !is_new && way != 0;
      different.insert(kind);
    }
    EXPECT_EQ(different.size(), kinds.size()) << "one identity, one label";
  }
  EXPECT_GT(met_again, 0U);
}

TEST_F(TrainingSetFile, GivesARankThePicturesOfItsPlacesWhateverTheThreads) {
  write(20, 20);
  options_.augmentation = Augmentation::Face;
  options_.loss = Loss::Triplet;
  options_.identities = 24;  // 48 pictures: more than a thread takes at once.
  options_.images_each = 2;
  options_.mix_identities = 0.5;
  options_.workers = 1;
  const TrainingSet set(options_);
  const std::vector<BatchPlan> batches = epoch_batches(options_, set.train().labels, 5, 1);
  Prefetcher alone(set, options_, 1, batches, 0);
  options_.workers = 3;
  Prefetcher second(set, options_, 1, batches, 0, Share{1, 2});
  constexpr std::size_t kBytes = 20 * 20 * 3;
  Batch all, share;
  while (alone.next(all)) {
    ASSERT_TRUE(second.next(share));
    ASSERT_EQ(share.places.size(), 24U);
    EXPECT_EQ(share.labels, all.labels);
    for (std::size_t i = 0; i < 24; ++i) {
      const auto begin = [&](const Batch& batch, std::size_t at) {
        return batch.pictures.begin() + static_cast<std::ptrdiff_t>(at * kBytes);
      };
      EXPECT_TRUE(std::equal(begin(share, i), begin(share, i + 1), begin(all, share.places[i]))) << i;
    }
  }
  EXPECT_FALSE(second.next(share));
}

}  // namespace
}  // namespace training
