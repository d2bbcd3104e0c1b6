// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/gallery.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "error_matchers.h"
#include "fixtures.h"

namespace {

using embed::Embedding;
using embed::ErrorCode;
using embed::Gallery;
using embed::Match;
using embed::MatchOptions;
using embed::Metric;
using embed::Unknown;
using testing_errors::expect_error;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr Metric kMetrics[] = {Metric::L1, Metric::L2, Metric::SquaredL2, Metric::Cosine};

/// The definition, in double, term by term.
double reference_distance(Metric metric, const Embedding& a, const Embedding& b) {
  double l1 = 0, squares = 0, dot = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double x = a[i], y = b[i];
    l1 += std::abs(x - y);
    squares += (x - y) * (x - y);
    dot += x * y, aa += x * x, bb += y * y;
  }
  if (metric == Metric::L1) return l1;
  if (metric == Metric::L2) return std::sqrt(squares);
  if (metric == Metric::SquaredL2) return squares;
  return aa == 0 || bb == 0 ? 1 : 1 - dot / std::sqrt(aa * bb);
}

/// A vector on a line, so that distances under L2 are differences of positions.
Embedding at(float position) {
  Embedding values{};
  values[5] = position;
  return values;
}

MatchOptions on_a_line() {
  MatchOptions options;
  options.metric = Metric::L2;
  return options;
}

TEST(Distance, IsItsDefinition) {
  for (const Metric metric : kMetrics) {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
      const Embedding a = fixtures::random_embedding(seed, seed % 2 == 0);
      const Embedding b = fixtures::random_embedding(seed + 1000, false);
      const double expected = reference_distance(metric, a, b);
      EXPECT_NEAR(embed::distance(metric, a, b), expected, 2e-6 * (1 + expected)) << embed::to_string(metric);
      EXPECT_EQ(embed::distance(metric, a, b), embed::distance(metric, b, a));
      EXPECT_NEAR(embed::distance(metric, a, a), 0, 1e-6) << embed::to_string(metric);
    }
  }
}

TEST(Distance, CosineStaysInItsRange) {
  const Embedding a = fixtures::random_embedding(3);
  Embedding opposite = a;
  for (float& value : opposite) value *= -1e-3F;
  EXPECT_NEAR(embed::distance(Metric::Cosine, a, opposite), 2, 1e-6);
  EXPECT_LE(embed::distance(Metric::Cosine, a, opposite), 2.0F);
  EXPECT_GE(embed::distance(Metric::Cosine, a, a), 0.0F);
  EXPECT_EQ(embed::distance(Metric::Cosine, a, Embedding{}), 1.0F);
  EXPECT_EQ(embed::distance(Metric::Cosine, Embedding{}, Embedding{}), 1.0F);
}

TEST(Distance, NamesRoundTrip) {
  for (const Metric metric : kMetrics) EXPECT_EQ(embed::parse_metric(embed::to_string(metric)), metric);
  expect_error(ErrorCode::InvalidArgument, {"'euclid'", "l1, l2, squared-l2, cosine"},
               [] { embed::parse_metric("euclid"); });
  expect_error(ErrorCode::InvalidArgument, {"''"}, [] { embed::parse_metric(""); });
}

/// Nearest identity and runner-up by brute force.
void check_against_brute_force(const Gallery& gallery, const Embedding& query, Metric metric) {
  double best = kInfinity, second = kInfinity;
  std::int64_t winner = -1;
  for (std::size_t r = 0; r < gallery.rows(); ++r) {
    Embedding row{};
    std::copy_n(gallery.row(r), row.size(), row.begin());
    const double d = reference_distance(metric, query, row);
    if (d < best) {
      if (gallery.identity(r) != winner) second = best;
      best = d;
      winner = gallery.identity(r);
    } else if (gallery.identity(r) != winner) {
      second = std::min(second, d);
    }
  }
  MatchOptions options;
  options.metric = metric;
  const Match match = gallery.match(query, options);
  EXPECT_EQ(match.label_id, winner);
  EXPECT_EQ(match.nearest_id, winner);
  EXPECT_NEAR(match.distance, best, 3e-6 * (1 + best));
  EXPECT_NEAR(match.runner_up_distance, second, 3e-6 * (1 + second));
  EXPECT_NE(match.runner_up_id, match.nearest_id);
  EXPECT_GE(match.runner_up_id, 0);
}

TEST(GalleryMatch, EveryMetricFindsTheNearest) {
  Gallery gallery;
  for (std::uint64_t r = 0; r < 300; ++r) {
    gallery.add("person " + std::to_string(r % 37), fixtures::random_embedding(r, r % 3 != 0));
  }
  for (const Metric metric : kMetrics) {
    for (std::uint64_t q = 0; q < 40; ++q) {
      check_against_brute_force(gallery, fixtures::random_embedding(7000 + q), metric);
    }
  }
}

TEST(GalleryMatch, ABatchAnswersAsOneByOne) {
  Gallery gallery;
  for (std::uint64_t r = 0; r < 100; ++r) gallery.add(std::to_string(r % 9), fixtures::random_embedding(r));
  std::vector<Embedding> queries;
  for (std::uint64_t q = 0; q < 33; ++q) queries.push_back(fixtures::random_embedding(500 + q));
  std::vector<Match> batch(queries.size());
  MatchOptions options;
  options.k = 5;
  gallery.match(queries.data(), queries.size(), options, batch.data());
  for (std::size_t q = 0; q < queries.size(); ++q) {
    const Match one = gallery.match(queries[q], options);
    EXPECT_EQ(batch[q].label_id, one.label_id);
    EXPECT_EQ(batch[q].distance, one.distance);
    EXPECT_EQ(batch[q].runner_up_id, one.runner_up_id);
  }
  gallery.match(nullptr, 0, options, nullptr);
}

TEST(GalleryMatch, AnEmptyGalleryKnowsNobody) {
  const Match match = Gallery().match(fixtures::random_embedding(1), {});
  EXPECT_EQ(match.unknown, Unknown::NoGallery);
  EXPECT_STREQ(embed::to_string(match.unknown), "no-gallery");
  EXPECT_EQ(match.label_id, -1);
  EXPECT_EQ(match.nearest_id, -1);
  EXPECT_EQ(match.runner_up_id, -1);
  EXPECT_EQ(match.distance, kInfinity);
  EXPECT_EQ(match.runner_up_distance, kInfinity);
}

TEST(GalleryMatch, BeyondTheThresholdIsFar) {
  Gallery gallery;
  gallery.add("A", at(0));
  gallery.add("B", at(10));
  MatchOptions options = on_a_line();
  options.threshold = 2.0F;
  EXPECT_EQ(gallery.match(at(2), options).label_id, 0);  // at the threshold is still within
  const Match far = gallery.match(at(2.5F), options);
  EXPECT_EQ(far.unknown, Unknown::Far);
  EXPECT_STREQ(embed::to_string(far.unknown), "far");
  EXPECT_EQ(far.label_id, -1);
  EXPECT_EQ(far.nearest_id, 0);
  EXPECT_FLOAT_EQ(far.distance, 2.5F);
  options.threshold = 0.0F;
  EXPECT_EQ(gallery.match(at(0), options).label_id, 0);
  options.threshold.reset();
  EXPECT_EQ(gallery.match(at(1e6F), options).label_id, 1);
}

TEST(GalleryMatch, ANearRunnerUpIsAmbiguous) {
  Gallery gallery;
  gallery.add("A", at(0));
  gallery.add("A", at(1));
  gallery.add("B", at(5));
  MatchOptions options = on_a_line();
  options.margin = 2.0F;
  const Match clear = gallery.match(at(1.5F), options);  // 0.5 and 3.5
  EXPECT_EQ(clear.label_id, 0);
  EXPECT_EQ(clear.runner_up_id, 1);
  EXPECT_FLOAT_EQ(clear.runner_up_distance, 3.5F);      // another identity, not A's other row
  const Match near = gallery.match(at(2.5F), options);  // 1.5 and 2.5
  EXPECT_EQ(near.unknown, Unknown::Ambiguous);
  EXPECT_STREQ(embed::to_string(near.unknown), "ambiguous");
  EXPECT_EQ(near.label_id, -1);
  EXPECT_EQ(near.nearest_id, 0);
  EXPECT_EQ(gallery.match(at(2), options).label_id, 0);  // 1 and 3: exactly the margin is enough
  options.threshold = 1.0F;
  EXPECT_EQ(gallery.match(at(2.5F), options).unknown, Unknown::Far);
}

TEST(GalleryMatch, OneIdentityHasNoRunnerUp) {
  Gallery gallery;
  gallery.add("A", at(0));
  gallery.add("A", at(1));
  MatchOptions options = on_a_line();
  options.margin = 100.0F;
  const Match match = gallery.match(at(3), options);
  EXPECT_EQ(match.label_id, 0);
  EXPECT_EQ(match.runner_up_id, -1);
  EXPECT_EQ(match.runner_up_distance, kInfinity);
}

TEST(GalleryMatch, KNeighboursVote) {
  Gallery gallery;
  gallery.add("lone", at(0));
  gallery.add("many", at(2));
  gallery.add("many", at(3));
  gallery.add("many", at(4));
  gallery.add("other", at(-2.5F));
  MatchOptions options = on_a_line();
  const auto winner = [&](std::size_t k) {
    options.k = k;
    return gallery.name(gallery.match(at(0.5F), options).label_id);
  };
  EXPECT_EQ(winner(1), "lone");
  EXPECT_EQ(winner(2), "lone");  // one vote each: the nearer wins
  EXPECT_EQ(winner(3), "many");
  EXPECT_EQ(winner(4), "many");  // lone, many, many, other
  EXPECT_EQ(winner(1024), "many");
  options.k = 3;
  const Match match = gallery.match(at(0.5F), options);
  EXPECT_FLOAT_EQ(match.distance, 1.5F);  // of the winner's nearest row, though another's row is nearer
  EXPECT_EQ(gallery.name(match.runner_up_id), "lone");
  EXPECT_FLOAT_EQ(match.runner_up_distance, 0.5F);
}

TEST(GalleryMatch, EqualDistancesGoToTheFirstRow) {
  Gallery gallery;
  gallery.add("second in the alphabet", at(1));
  gallery.add("first", at(-1));
  MatchOptions options = on_a_line();
  for (const std::size_t k : {1U, 2U}) {
    options.k = k;
    EXPECT_EQ(gallery.match(at(0), options).label_id, 0) << k;
  }
}

Embedding on_circle(double degrees) {
  const double angle = degrees * std::acos(-1.0) / 180;
  Embedding values{};
  values[3] = static_cast<float>(std::cos(angle));
  values[70] = static_cast<float>(std::sin(angle));
  return values;
}

TEST(GalleryMeans, AFaceBetweenTwoPicturesOfAPersonIsTheirs) {
  Gallery gallery(Metric::Cosine);
  gallery.add("Ann", on_circle(0));
  gallery.add("Bob", on_circle(65));
  gallery.add("Ann", on_circle(60));
  const Embedding query = on_circle(30);
  EXPECT_EQ(gallery.match(on_circle(64), {}).label_id, 1);
  EXPECT_NEAR(gallery.match(query, {}).distance, 1 - std::cos(std::acos(-1.0) / 6), 1e-6);
  gallery.build_means();
  EXPECT_EQ(gallery.rows(), 3U) << "a mean is no row";
  EXPECT_EQ(gallery.vectors(), 4U);
  const Match match = gallery.match(query, {});
  EXPECT_EQ(match.label_id, 0);
  EXPECT_NEAR(match.distance, 0, 1e-6);
  EXPECT_EQ(match.runner_up_id, 1) << "no other identity than the winner's own mean";
  EXPECT_EQ(Gallery(gallery).match(query, {}).distance, match.distance) << "a copy has them too";
  gallery.add("Cyd", on_circle(200));
  EXPECT_EQ(gallery.vectors(), 4U) << "a change drops the means";
  gallery.build_means();
  gallery.remove("Ann");
  EXPECT_EQ(gallery.vectors(), 2U);
}

TEST(GalleryMeans, HaveLengthOneWhereTheRowsHaveAndAreThePlainMeanElse) {
  Gallery unit(Metric::L2);
  unit.add("Ann", on_circle(0));
  unit.add("Ann", on_circle(120));
  unit.build_means();
  MatchOptions l2 = on_a_line();
  EXPECT_NEAR(unit.match(on_circle(60), l2).distance, 0, 1e-6);
  Gallery line(Metric::L2);
  line.add("Ann", at(2));
  line.add("Ann", at(5));
  line.add("Bob", at(9));
  line.build_means();
  EXPECT_EQ(line.match(at(3.5F), l2).distance, 0);
  EXPECT_EQ(line.match(at(10), l2).distance, 1) << "one row is its own mean";
}

TEST(GalleryMeans, RowsThatCancelEachOtherOutHaveNone) {
  Gallery gallery(Metric::Cosine);
  gallery.add("Ann", on_circle(0));
  gallery.add("Ann", on_circle(180));
  gallery.build_means();
  EXPECT_EQ(gallery.vectors(), 2U);
  Gallery empty;
  empty.build_means();
  EXPECT_EQ(empty.vectors(), 0U);
}

TEST(GalleryMeans, OfManyPeopleAreThoseOfEachAlone) {
  constexpr std::size_t kPeople = 3000;
  Gallery gallery(Metric::Cosine);
  std::vector<Embedding> means(kPeople);
  for (std::size_t row = 0; row < 3 * kPeople; ++row) {
    const Embedding values = fixtures::random_embedding(row, /*unit=*/true);
    gallery.add(std::to_string(row % kPeople), values);
    for (std::size_t i = 0; i < values.size(); ++i) means[row % kPeople][i] += values[i];
  }
  gallery.build_means();
  EXPECT_EQ(gallery.vectors(), 4 * kPeople);
  for (std::size_t person = 0; person < kPeople; person += 97) {
    const Match match = gallery.match(means[person], {});
    EXPECT_EQ(gallery.name(match.label_id), std::to_string(person));
    EXPECT_NEAR(match.distance, 0, 1e-6);
  }
}

TEST(GalleryMatch, RefusesKOutsideItsRange) {
  Gallery gallery;
  gallery.add("A", at(0));
  MatchOptions options;
  for (const std::size_t k : {std::size_t{0}, std::size_t{1025}, std::numeric_limits<std::size_t>::max()}) {
    options.k = k;
    expect_error(ErrorCode::InvalidArgument, {"k", "1 to 1024"}, [&] { gallery.match(at(0), options); });
  }
}

TEST(GalleryMatch, AQueryThatIsNoNumberHasNoName) {
  Gallery gallery;
  gallery.add("A", fixtures::random_embedding(1));
  gallery.add("B", fixtures::random_embedding(2));
  for (const float bad : {std::nanf(""), kInfinity, -kInfinity}) {
    Embedding query = fixtures::random_embedding(1);
    query[17] = bad;
    for (const Metric metric : kMetrics) {
      for (const std::size_t k : {1U, 3U}) {
        MatchOptions options;
        options.metric = metric;
        options.k = k;
        const Match match = gallery.match(query, options);
        EXPECT_EQ(match.label_id, -1) << embed::to_string(metric) << ' ' << bad;
        EXPECT_EQ(match.unknown, Unknown::Far);
      }
    }
  }
}

TEST(GalleryMatch, ManyThreadsAskOneGallery) {
  auto gallery = std::make_shared<Gallery>();
  for (std::uint64_t r = 0; r < 200; ++r) gallery->add(std::to_string(r), fixtures::random_embedding(r));
  const std::shared_ptr<const Gallery> shared = gallery;
  std::vector<std::thread> threads;
  std::vector<int> wrong(4, 0);
  for (std::size_t t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([&, t] {
      for (std::uint64_t r = 0; r < 200; ++r) {
        wrong[t] += shared->match(fixtures::random_embedding(r), {}).label_id != static_cast<std::int64_t>(r);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(std::count(wrong.begin(), wrong.end(), 0), 4);
}

TEST(GalleryMatch, AHundredThousandRows) {
  Gallery gallery;
  Embedding row = fixtures::random_embedding(1);
  for (int r = 0; r < 100'000; ++r) {
    row[static_cast<std::size_t>(r) % row.size()] += 0.01F * static_cast<float>(r % 7 - 3);
    gallery.add("p" + std::to_string(r % 1000), row);
  }
  MatchOptions options = on_a_line();
  options.k = 1024;
  EXPECT_GE(gallery.match(fixtures::random_embedding(2), options).label_id, 0);
  EXPECT_EQ(gallery.rows(), 100'000U);
  EXPECT_EQ(gallery.rows_of(0), 100U);
}

TEST(GalleryRows, CopiesAreIndependent) {
  Gallery gallery(Metric::L1, "weights");
  gallery.set_threshold(3.0F);
  for (int r = 0; r < 9000; ++r) gallery.add("p" + std::to_string(r % 10), at(static_cast<float>(r)));
  Gallery copy = gallery;
  Gallery assigned;
  assigned = gallery;
  copy.add("new", at(-1));
  EXPECT_EQ(gallery.remove("p3"), 900U);
  gallery.add("other", at(-2));
  for (const Gallery* kept : {&copy, &assigned}) {
    EXPECT_EQ(kept->rows_of(3), 900U);
    EXPECT_EQ(kept->weights_sha256(), "weights");
    EXPECT_EQ(kept->threshold(), 3.0F);
    EXPECT_EQ(kept->metric(), Metric::L1);
    for (const std::size_t r : {0U, 4095U, 4096U, 8191U, 8192U, 8999U}) {
      EXPECT_EQ(kept->row(r)[5], static_cast<float>(r));
      EXPECT_EQ(kept->identity(r), static_cast<std::int64_t>(r % 10));
    }
    EXPECT_EQ(kept->match(at(8503), on_a_line()).nearest_id, 3);
  }
  EXPECT_EQ(copy.rows(), 9001U);
  EXPECT_EQ(assigned.rows(), 9000U);
  EXPECT_EQ(gallery.rows(), 8101U);
  EXPECT_EQ(gallery.name(gallery.match(at(8504), on_a_line()).label_id), "p4");
  EXPECT_EQ(gallery.name(gallery.match(at(-3), on_a_line()).label_id), "other");
  const Gallery moved = std::move(copy);
  EXPECT_EQ(moved.rows(), 9001U);
  EXPECT_EQ(moved.name(moved.match(at(-1), on_a_line()).label_id), "new");
}

TEST(GalleryRows, ARowStaysWhereItIs) {
  Gallery gallery;
  gallery.add("A", at(1));
  const float* first = gallery.row(0);
  for (int r = 1; r < 10'000; ++r) gallery.add("A", at(static_cast<float>(r)));
  EXPECT_EQ(gallery.row(0), first);
  const Gallery moved = std::move(gallery);
  EXPECT_EQ(moved.row(0), first);
}

TEST(GalleryRows, RemovingFromTheMiddleClosesTheGapAcrossBlocks) {
  Gallery gallery;
  for (int r = 0; r < 12'500; ++r) gallery.add(std::to_string(r / 2500), at(static_cast<float>(r)));
  EXPECT_EQ(gallery.remove("1"), 2500U);
  ASSERT_EQ(gallery.rows(), 10'000U);
  for (std::size_t r = 0; r < gallery.rows(); ++r) {
    const std::size_t before = r < 2500 ? r : r + 2500;
    ASSERT_EQ(gallery.row(r)[5], static_cast<float>(before));
    ASSERT_EQ(gallery.name(gallery.identity(r)), std::to_string(before / 2500));
  }
  EXPECT_EQ(gallery.name(gallery.match(at(12'499), on_a_line()).label_id), "4");
  EXPECT_EQ(gallery.match(at(3000), on_a_line()).distance, 501.0F);  // to 2,499, the last of "0"
}

TEST(GalleryNames, AddTakesUtf8AndRefusesTheRest) {
  Gallery gallery;
  const std::string good[] = {"Ada",
                              "Błażej",
                              "李小龍",
                              "Ольга Петрова",
                              "🙂",
                              "a b",
                              std::string(256, 'x'),
                              "\xF4\x8F\xBF\xBF",
                              "\xED\x9F\xBF",
                              "\xE0\xA0\x80"};
  for (const std::string& name : good) EXPECT_NO_THROW(gallery.add(name, {})) << name;
  const std::string bad[] = {"",
                             std::string(257, 'x'),
                             "\xFF",
                             "\x80",
                             "a\xC3",
                             "\xC3(",
                             "\xC0\xAF",
                             "\xE0\x80\xAF",
                             "\xED\xA0\x80",
                             "\xF0\x80\x80\xAF",
                             "\xF4\x90\x80\x80",
                             "\xF5\x80\x80\x80",
                             "\xE2\x82",
                             "tab\tbed",
                             "two\nlines",
                             std::string("a\0b", 3)};
  for (const std::string& name : bad) {
    expect_error(ErrorCode::InvalidArgument, {"identity name"}, [&] { gallery.add(name, {}); });
  }
  EXPECT_EQ(gallery.names().size(), std::size(good));
  EXPECT_EQ(gallery.rows(), std::size(good));
}

TEST(GalleryNames, TwoSpellingsOfOneNameAreOnePerson) {
  Gallery gallery;
  const std::string composed = "Zo\xC3\xAB", decomposed = "Zoe\xCC\x88";
  for (const std::string& name :
       {decomposed, composed, " " + composed + "\xC2\xA0", "\xEF\xBB\xBF" + decomposed + "\xE3\x80\x80"})
    gallery.add(name, {});
  EXPECT_EQ(gallery.names(), std::vector<std::string>{composed});
  EXPECT_EQ(gallery.rows_of(0), 4U);
  EXPECT_EQ(gallery.remove(decomposed), 4U);
}

TEST(GalleryNames, WhatStandsForNobodyIsNoName) {
  Gallery gallery;
  for (const char* name : {"", "???", " ??? ", "   ", "\xC2\xA0", "\xE2\x80\x8B", "a\x7F",
                           "a\xC2\x9B"
                           "31m"})
    expect_error(ErrorCode::InvalidArgument, {"identity name"}, [&] { gallery.add(name, {}); });
  EXPECT_NO_THROW(gallery.add("????", {}));
}

TEST(GalleryNames, AddRefusesValuesThatAreNotFinite) {
  Gallery gallery;
  for (const float bad : {std::nanf(""), kInfinity, -kInfinity}) {
    Embedding values = fixtures::random_embedding(1);
    values[127] = bad;
    expect_error(ErrorCode::InvalidArgument, {"'Ada'", "not finite"}, [&] { gallery.add("Ada", values); });
  }
  EXPECT_EQ(gallery.rows(), 0U);
  EXPECT_TRUE(gallery.names().empty());
}

TEST(GalleryNames, RemoveTakesAllRowsAndClosesTheGap) {
  Gallery gallery;
  for (const char* name : {"A", "B", "A", "C", "B", "D"})
    gallery.add(name, at(static_cast<float>(gallery.rows())));
  EXPECT_EQ(gallery.remove("nobody"), 0U);
  EXPECT_EQ(gallery.remove("B"), 2U);
  EXPECT_EQ(gallery.names(), (std::vector<std::string>{"A", "C", "D"}));
  EXPECT_EQ(gallery.rows(), 4U);
  const std::pair<float, const char*> expected[] = {{0, "A"}, {2, "A"}, {3, "C"}, {5, "D"}};
  for (const auto& [position, name] : expected) {
    const Match match = gallery.match(at(position), on_a_line());
    EXPECT_EQ(gallery.name(match.label_id), name);
    EXPECT_EQ(match.distance, 0.0F);
  }
  gallery.add("B", at(50));
  EXPECT_EQ(gallery.name(3), "B");
  EXPECT_EQ(gallery.rows_of(3), 1U);
  EXPECT_EQ(gallery.rows_of(-1), 0U);
  EXPECT_EQ(gallery.name(-1), "");
  EXPECT_EQ(gallery.name(99), "");
  for (const char* name : {"A", "B", "C", "D"}) EXPECT_GT(gallery.remove(name), 0U);
  EXPECT_EQ(gallery.match(at(0), {}).unknown, Unknown::NoGallery);
}

}  // namespace
