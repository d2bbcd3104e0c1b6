// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "embed/gallery.h"
#include "error_matchers.h"
#include "gallery/search/index.h"
#include "gallery_reference.h"

namespace {

using embed::Embedding;
using embed::Gallery;
using embed::Match;
using embed::MatchOptions;
using embed::Metric;

constexpr std::size_t kRows = 24'000, kRowsEach = 8;

/// Of so many queries, how many an index answers right at the least that finds 99 % of the nearest rows, up
/// to chance (three standard deviations): which ones it misses depends on the machine's kernels.
std::size_t nearly_all(std::size_t queries) {
  const auto count = static_cast<double>(queries);
  return static_cast<std::size_t>(0.99 * count - 3 * std::sqrt(count * 0.99 * 0.01));
}

/// People in some directions more than in others, eight rows each around them; seeded.
struct People {
  People() {
    std::mt19937 generator(1);
    std::normal_distribution<float> normal;
    const auto add = [&](Embedding& values, float sigma) {
      for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] += sigma * normal(generator) / (1 + static_cast<float>(i) / 8);
      }
    };
    const auto unit = [](Embedding values) {
      double squares = 0;
      for (const float value : values) squares += static_cast<double>(value) * value;
      for (float& value : values) value /= static_cast<float>(std::sqrt(squares));
      return values;
    };
    Embedding person{};
    for (std::size_t r = 0; r < kRows; ++r) {
      if (r % kRowsEach == 0) {
        person = {};
        add(person, 1);
      }
      Embedding row = person;
      add(row, 0.5F);
      gallery.add("p" + std::to_string(r / kRowsEach), unit(row));
      if (r % 60 == 0) {
        row = person;
        add(row, 0.5F);
        queries.push_back(unit(row));
      }
    }
  }
  Gallery gallery;
  std::vector<Embedding> queries;
};

const People& people() {
  static const People made;
  return made;
}

/// The same with an index for cosine, built once for all tests.
const Gallery& indexed_people() {
  static const Gallery made = [] {
    Gallery gallery = people().gallery;
    gallery.build_index(Metric::Cosine);
    return gallery;
  }();
  return made;
}

std::vector<Match> answers(const Gallery& gallery, const std::vector<Embedding>& queries,
                           const MatchOptions& options) {
  std::vector<Match> found(queries.size());
  gallery.match(queries.data(), queries.size(), options, found.data());
  return found;
}

class GalleryIndex : public testing::Test {
 protected:
  void SetUp() override {
    if (!Gallery::can_index()) GTEST_SKIP() << "built without FAISS";
  }
};

TEST(GalleryIndexWithoutFaiss, SaysSo) {
  if (Gallery::can_index()) GTEST_SKIP() << "built with FAISS";
  Gallery gallery = people().gallery;
  testing_errors::expect_error(embed::ErrorCode::Unsupported, {"FAISS", "'flat'"},
                               [&] { gallery.build_index(Metric::Cosine); });
  EXPECT_FALSE(gallery.indexed(Metric::Cosine));
}

TEST_F(GalleryIndex, FindsTheNearestForNinetyNineInAHundred) {
  for (const Metric metric : {Metric::Cosine, Metric::L2, Metric::L1}) {
    Gallery indexed = indexed_people();
    if (metric != Metric::Cosine) indexed.build_index(metric);
    ASSERT_TRUE(indexed.indexed(metric));
    MatchOptions options;
    options.metric = metric;
    const auto exact = answers(people().gallery, people().queries, options);
    const auto found = answers(indexed, people().queries, options);
    std::size_t same = 0;
    for (std::size_t q = 0; q < found.size(); ++q) {
      same += found[q].nearest_id == exact[q].nearest_id && found[q].distance == exact[q].distance ? 1 : 0;
      EXPECT_GE(found[q].distance, exact[q].distance);
      EXPECT_NE(found[q].runner_up_id, found[q].nearest_id);
    }
    EXPECT_GE(same, nearly_all(found.size())) << embed::to_string(metric);
  }
}

// Rows with nearly all in sixteen directions: the lists hold those alone. Four rows at a time are alike in
// the rest as well, so that three that were seen before leave the fourth no room but that which the bounds
// leave for the rest.
TEST_F(GalleryIndex, WhatTheListsLeaveOutIsAllowedFor) {
  std::mt19937 generator(3);
  std::normal_distribution<float> normal;
  Gallery gallery;
  std::vector<Embedding> queries;
  Embedding four{};
  for (std::size_t r = 0; r < kRows; ++r) {
    Embedding row{};
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (r % 4 == 0) four[i] = (i < 16 ? 1.0F : 0.05F) * normal(generator);
      row[i] = four[i] + 0.003F * normal(generator);
    }
    gallery.add("p" + std::to_string(r), row);
    if (r % 12 == 7) queries.push_back(row);
  }
  for (const Metric metric : {Metric::Cosine, Metric::L2}) {
    Gallery indexed = gallery;
    indexed.build_index(metric);
    MatchOptions options;
    options.metric = metric;
    const auto exact = answers(gallery, queries, options);
    const auto found = answers(indexed, queries, options);
    std::size_t same = 0;
    for (std::size_t q = 0; q < found.size(); ++q) same += found[q].nearest_id == exact[q].nearest_id ? 1 : 0;
    EXPECT_GE(same, nearly_all(found.size())) << embed::to_string(metric);
  }
}

TEST_F(GalleryIndex, TheRuleIsThatOfTheFlatGallery) {
  const Gallery& indexed = indexed_people();
  for (const std::size_t k : {1U, 5U}) {
    MatchOptions options;
    options.k = k;
    options.margin = 0.1F;
    options.threshold = 0.15F;
    const auto exact = answers(people().gallery, people().queries, options);
    const auto found = answers(indexed, people().queries, options);
    std::size_t same = 0, far = 0, ambiguous = 0;
    for (std::size_t q = 0; q < found.size(); ++q) {
      same += found[q].label_id == exact[q].label_id && found[q].unknown == exact[q].unknown ? 1 : 0;
      far += found[q].unknown == embed::Unknown::Far ? 1 : 0;
      ambiguous += found[q].unknown == embed::Unknown::Ambiguous ? 1 : 0;
    }
    EXPECT_GE(same, found.size() * 97 / 100) << k;
    EXPECT_GT(far, 0U) << k;
    EXPECT_GT(ambiguous, 0U) << k;
  }
}

TEST_F(GalleryIndex, OneQueryAnswersAsInABatch) {
  const Gallery& indexed = indexed_people();
  const auto batch = answers(indexed, people().queries, {});
  for (std::size_t q = 0; q < batch.size(); q += 7) {
    gallery_reference::expect_same(indexed.match(people().queries[q], {}), batch[q]);
  }
}

TEST_F(GalleryIndex, OtherMetricsAndOddQueriesAreSearchedWithoutIt) {
  const Gallery& indexed = indexed_people();
  EXPECT_FALSE(indexed.indexed(Metric::L1));
  MatchOptions options;
  options.metric = Metric::L1;
  gallery_reference::expect_same(indexed.match(people().queries[0], options),
                                 people().gallery.match(people().queries[0], options));
  Embedding nothing{}, no_number = people().queries[0], tiny = no_number;
  no_number[3] = std::numeric_limits<float>::quiet_NaN();
  for (float& value : tiny) value *= 1e-20F;
  for (const Embedding& query : {nothing, no_number, tiny}) {
    gallery_reference::expect_same(indexed.match(query, {}), people().gallery.match(query, {}));
  }
}

TEST_F(GalleryIndex, AChangeDropsItAndCopiesKeepTheirs) {
  Gallery gallery = indexed_people();
  Gallery copy = gallery;
  gallery.add("new", people().queries[0]);
  EXPECT_FALSE(gallery.indexed(Metric::Cosine));
  EXPECT_EQ(gallery.name(gallery.match(people().queries[0], {}).label_id), "new");
  EXPECT_TRUE(copy.indexed(Metric::Cosine));
  EXPECT_EQ(copy.remove("p0"), kRowsEach);
  EXPECT_FALSE(copy.indexed(Metric::Cosine));
}

TEST_F(GalleryIndex, SmallGalleriesHaveNone) {
  Gallery gallery;
  gallery.build_index(Metric::L2);
  for (int r = 0; r < 100; ++r) gallery.add("p", people().queries[0]);
  gallery.build_index(Metric::L2);
  EXPECT_FALSE(gallery.indexed(Metric::L2));
}

/// Their centroids are all the same, and most lists have no row.
TEST_F(GalleryIndex, RowsThatAreAllAlike) {
  const std::pair<float, Metric> cases[] = {{0.0F, Metric::Cosine}, {0.25F, Metric::L2}};
  for (const auto& [value, metric] : cases) {
    Gallery gallery;
    Embedding row{};
    row.fill(value);
    for (std::size_t r = 0; r < embed::GalleryIndex::kFewestRows; ++r) {
      gallery.add(std::to_string(r % 3), row);
    }
    gallery.build_index(metric);
    MatchOptions options;
    options.metric = metric;
    const Match match = gallery.match(people().queries[0], options);
    EXPECT_EQ(match.label_id, 0);
    EXPECT_EQ(match.runner_up_id, 1);
    EXPECT_EQ(match.distance, match.runner_up_distance);
  }
}

/// However few rows are near, k of them vote and the runner-up is somebody.
TEST_F(GalleryIndex, LooksOnUntilTheRuleHasItsRows) {
  Gallery gallery;
  for (std::size_t r = 0; r < kRows; ++r) {
    Embedding row{};
    std::copy_n(people().gallery.row(r), row.size(), row.begin());
    gallery.add(r < kRows / 2 ? "one" : "p" + std::to_string(r), row);
  }
  gallery.build_index(Metric::Cosine);
  Embedding query{};
  std::copy_n(gallery.row(3), query.size(), query.begin());
  MatchOptions options;
  options.k = 1024;
  const Match match = gallery.match(query, options);
  EXPECT_GE(match.nearest_id, 0);
  EXPECT_GE(match.runner_up_id, 0);
  Gallery alone;
  for (std::size_t r = 0; r < kRows; ++r) {
    std::copy_n(people().gallery.row(r), query.size(), query.begin());
    alone.add("one", query);
  }
  alone.build_index(Metric::Cosine);
  EXPECT_EQ(alone.match(query, {}).label_id, 0);
  EXPECT_EQ(alone.match(query, {}).runner_up_id, -1);
}

TEST_F(GalleryIndex, ManyThreadsAskOneGallery) {
  const auto gallery = std::make_shared<const Gallery>(indexed_people());
  const auto expected = answers(*gallery, people().queries, {});
  std::vector<std::thread> threads;
  std::vector<int> wrong(3, 0);
  for (int& errors : wrong) {
    threads.emplace_back([&] {
      const auto found = answers(*gallery, people().queries, {});
      for (std::size_t q = 0; q < found.size(); ++q) errors += found[q].label_id != expected[q].label_id;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(3, 0));
}

}  // namespace
