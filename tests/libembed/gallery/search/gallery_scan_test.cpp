// SPDX-License-Identifier: LGPL-2.1-or-later
// That the search by bytes gives the answers of measuring every row, whatever the rows are.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "embed/gallery.h"
#include "gallery/rule.h"
#include "gallery/search/scan.h"
#include "gallery_reference.h"

namespace {

using embed::Embedding;
using embed::Gallery;
using embed::Match;
using embed::MatchOptions;
using embed::Metric;

constexpr Metric kMetrics[] = {Metric::L1, Metric::L2, Metric::SquaredL2, Metric::Cosine};

struct Made {
  const char* name;
  std::vector<Embedding> rows;
  std::vector<int> identities;
  std::vector<Embedding> queries;
};

/// Makes rows; seeded, so that a failure comes back.
class Maker {
 public:
  explicit Maker(unsigned seed) : generator_(seed) {}

  Embedding gaussian(float sigma) {
    Embedding values{};
    for (float& value : values) value = sigma * normal_(generator_);
    return values;
  }
  Embedding unit() { return scaled_to(gaussian(1), 1); }
  Embedding near(const Embedding& center, float sigma) {
    Embedding values = gaussian(sigma);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] += center[i];
    return values;
  }
  static Embedding scaled_to(Embedding values, float length) {
    double squares = 0;
    for (const float value : values) squares += static_cast<double>(value) * value;
    for (float& value : values) value *= length / static_cast<float>(std::sqrt(squares));
    return values;
  }
  std::size_t below(std::size_t end) { return generator_() % end; }

 private:
  std::mt19937 generator_;
  std::normal_distribution<float> normal_;
};

/// People with several rows each, people after people.
Made people(std::size_t count, std::size_t rows_each) {
  Made made = {"people", {}, {}, {}};
  Maker maker(1);
  for (std::size_t p = 0; p < count; ++p) {
    const Embedding center = maker.unit();
    for (std::size_t r = 0; r < rows_each; ++r) {
      made.rows.push_back(Maker::scaled_to(maker.near(center, 0.06F), 1));
      made.identities.push_back(static_cast<int>(p));
    }
    made.queries.push_back(Maker::scaled_to(maker.near(center, 0.06F), 1));
  }
  made.queries.resize(std::min<std::size_t>(made.queries.size(), 35));
  return made;
}

Made unlike_each_other() {
  Made made = {"random", {}, {}, {}};
  Maker maker(2);
  for (int r = 0; r < 5000; ++r) {
    made.rows.push_back(maker.unit());
    made.identities.push_back(r % 700);
  }
  for (int q = 0; q < 9; ++q) made.queries.push_back(maker.unit());
  return made;
}

/// Many rows twice and more, under several names: ties everywhere.
Made duplicates() {
  Made made = {"duplicates", {}, {}, {}};
  Maker maker(3);
  std::vector<Embedding> few;
  for (int i = 0; i < 12; ++i) few.push_back(maker.unit());
  for (int r = 0; r < 4500; ++r) {
    made.rows.push_back(few[maker.below(few.size())]);
    made.identities.push_back(static_cast<int>(maker.below(30)));
  }
  made.queries = few;
  made.queries.push_back(maker.unit());
  made.queries.push_back({});
  return made;
}

/// Lengths from nothing to beyond what squares of floats hold.
Made all_lengths() {
  Made made = {"lengths", {}, {}, {}};
  Maker maker(4);
  for (int r = 0; r < 5000; ++r) {
    const float length = r % 50 == 0 ? 0.0F : std::pow(10.0F, static_cast<float>(r % 59) - 26);
    made.rows.push_back(Maker::scaled_to(maker.gaussian(1), length));
    made.identities.push_back(r % 90);
  }
  for (const float length : {0.0F, 1e-30F, 1e-20F, 1e-13F, 1e-6F, 1.0F, 30.0F, 1e6F, 1e13F, 1e19F, 1e25F}) {
    made.queries.push_back(Maker::scaled_to(maker.gaussian(1), length));
  }
  return made;
}

/// Rows that the bytes' step, taken from the first rows, does not fit; and steps of nothing.
Made unlike_the_first() {
  Made made = {"unlike the first", {}, {}, {}};
  Maker maker(5);
  for (int r = 0; r < 4300; ++r) {
    const float sigma = r < 16 ? 0.001F : (r < 4096 ? 0.1F : (r < 4120 ? 0.0F : 3.0F));
    made.rows.push_back(maker.gaussian(sigma));
    made.identities.push_back(r % 11);
  }
  for (const float sigma : {0.001F, 0.1F, 5.0F}) made.queries.push_back(maker.gaussian(sigma));
  return made;
}

/// Nearly the same vector again and again: bytes cannot tell these apart.
Made nearly_equal() {
  Made made = {"nearly equal", {}, {}, {}};
  Maker maker(6);
  const Embedding center = maker.unit();
  for (int r = 0; r < 4200; ++r) {
    made.rows.push_back(maker.near(center, 1e-6F));
    made.identities.push_back(r / 7);
  }
  for (int q = 0; q < 5; ++q) made.queries.push_back(maker.near(center, 1e-6F));
  return made;
}

Made one_person() {
  Made made = people(300, 15);
  made.name = "one person";
  std::fill(made.identities.begin(), made.identities.end(), 0);
  return made;
}

/// One outlier in a dimension: a few values take all of the bytes' range.
Made spikes() {
  Made made = {"spikes", {}, {}, {}};
  Maker maker(7);
  for (int r = 0; r < 3000; ++r) {
    Embedding row = maker.gaussian(0.01F);
    row[maker.below(row.size())] = 1;
    made.rows.push_back(row);
    made.identities.push_back(r % 250);
  }
  for (int q = 0; q < 6; ++q) made.queries.push_back(made.rows[maker.below(made.rows.size())]);
  for (Embedding& query : made.queries) query = maker.near(query, 0.01F);
  return made;
}

// What is lost in coding points from the query to the nearest row, so that its bytes say the least good of it
// that they can: it is found only if the bounds leave room for all of the loss. Each of these has decoys,
// then the nearest row, in the same panel and again in the next.

// Rows are then coded in steps of 0.8.
constexpr float kStep = 0.8F, kSetsTheStep = kStep * 127 / 1.25F;

void add_row(Made& made, const Embedding& row) {
  made.identities.push_back(static_cast<int>(made.rows.size()));
  made.rows.push_back(row);
}

/// Rows of 16 with a first that sets the step, decoys and the nearest at the end.
template <typename Decoy>
void add_panels(Made& made, const Embedding& nearest, Decoy decoy) {
  Embedding first{};
  first[0] = -kSetsTheStep;
  for (int panel = 0; panel < 2; ++panel) {
    add_row(made, panel == 0 ? first : decoy());
    for (int r = 1; r < 15; ++r) add_row(made, decoy());
    add_row(made, nearest);
  }
}

/// ±1 by turns, 0 at the first place.
Embedding signs() {
  Embedding values{};
  for (std::size_t i = 1; i < values.size(); ++i) values[i] = i % 2 == 0 ? 1.0F : -1.0F;
  return values;
}

Embedding times(Embedding values, float factor) {
  for (float& value : values) value *= factor;
  return values;
}

/// Dot products: all of the query but its first value is lost, for each number of codes that a variant has.
Made losses_of_queries() {
  Made made = {"losses of queries", {}, {}, {}};
  Maker maker(9);
  add_panels(made, times(signs(), kStep), [&] {
    Embedding row = times(signs(), kStep);
    for (float& value : row) value = maker.below(4) == 0 ? -value : value;
    return row;
  });
  for (const float codes : {127.0F, 63.0F}) {
    made.queries.push_back(times(signs(), 0.45F));
    made.queries.back()[0] = codes;
  }
  return made;
}

/// Dot products: all of the nearest row is lost.
Made losses_of_rows() {
  Made made = {"losses of rows", {}, {}, {}};
  Maker maker(10);
  add_panels(made, times(signs(), 0.45F * kStep), [&] {
    Embedding row = times(signs(), kStep);
    for (float& value : row) value *= maker.below(100) < 36 ? 1.0F : 0.0F;
    return row;
  });
  made.queries = {times(signs(), 127)};
  return made;
}

/// Sums of differences: the query's values are rounded down, and the nearest row's are above them.
Made losses_of_queries_in_l1() {
  Made made = {"losses of queries in l1", {}, {}, {}};
  Maker maker(11);
  add_panels(made, times(signs(), kStep), [&] {
    Embedding row = times(signs(), -kStep);
    for (float& value : row) value *= maker.below(5) == 0 ? 1.0F : 0.0F;
    return row;
  });
  made.queries = {times(signs(), 0.45F * kStep)};
  return made;
}

/// Sums of differences: the nearest row's values are rounded away from the query.
Made losses_of_rows_in_l1() {
  Made made = {"losses of rows in l1", {}, {}, {}};
  Maker maker(12);
  add_panels(made, times(signs(), 0.55F * kStep), [&] {
    Embedding row = times(signs(), kStep);
    for (float& value : row) value *= maker.below(4) == 0 ? 0.0F : 1.0F;
    return row;
  });
  made.queries = {{}};
  return made;
}

Made few(std::size_t rows) {
  Made made = people(rows, 1);
  made.name = "few";
  return made;
}

struct Stored {
  Gallery gallery;
  embed::GalleryRows rows;
};

Stored store(const Made& made) {
  Stored stored;
  for (std::size_t r = 0; r < made.rows.size(); ++r) {
    stored.gallery.add("p" + std::to_string(made.identities[r]), made.rows[r]);
    stored.rows.append(made.rows[r].data(), stored.gallery.identity(r));
  }
  return stored;
}

void check(const Made& made, const std::vector<std::size_t>& ks) {
  const Stored stored = store(made);
  embed::WorkerPool three(3);
  std::vector<Match> answers(made.queries.size());
  for (const Metric metric : kMetrics) {
    for (const std::size_t k : ks) {
      MatchOptions options;
      options.metric = metric;
      options.k = k;
      options.margin = 0.01F;
      options.threshold = 1.0F;
      std::vector<Match> expected;
      for (const Embedding& query : made.queries) {
        expected.push_back(gallery_reference::match(stored.gallery, query, options));
      }
      const auto compare = [&](const char* how) {
        for (std::size_t q = 0; q < expected.size(); ++q) {
          SCOPED_TRACE(std::string(made.name) + ", " + embed::to_string(metric) + ", k " + std::to_string(k) +
                       ", query " + std::to_string(q) + ", " + how);
          gallery_reference::expect_same(answers[q], expected[q]);
        }
      };
      stored.gallery.match(made.queries.data(), answers.size(), options, answers.data());
      compare("gallery");
      for (const embed::ScanVariant& variant : embed::scan_variants()) {
        std::vector<embed::NearestRows> nearest(answers.size(), embed::NearestRows(k));
        embed::scan_rows(stored.rows, metric, made.queries.data(), answers.size(), variant, three,
                         nearest.data());
        for (std::size_t q = 0; q < answers.size(); ++q) answers[q] = embed::decide(nearest[q], options);
        compare(variant.name);
      }
    }
  }
}

TEST(GalleryScan, People) {
  check(people(550, 9), {1, 5, 40});
}
TEST(GalleryScan, RowsUnlikeEachOther) {
  check(unlike_each_other(), {1, 3, 1024});
}
TEST(GalleryScan, Duplicates) {
  check(duplicates(), {1, 2, 500});
}
TEST(GalleryScan, AllLengths) {
  check(all_lengths(), {1, 7});
}
TEST(GalleryScan, RowsUnlikeTheFirst) {
  check(unlike_the_first(), {1, 7});
}
TEST(GalleryScan, NearlyEqualRows) {
  check(nearly_equal(), {1, 7});
}
TEST(GalleryScan, OnePerson) {
  check(one_person(), {1, 7});
}
TEST(GalleryScan, Spikes) {
  check(spikes(), {1, 7});
}
TEST(GalleryScan, LossesOfCodingInTheWorstDirection) {
  for (const Made& made :
       {losses_of_queries(), losses_of_rows(), losses_of_queries_in_l1(), losses_of_rows_in_l1()}) {
    check(made, {1, 3});
  }
}
TEST(GalleryScan, FewRows) {
  for (const std::size_t rows : {1U, 2U, 15U, 16U, 17U, 31U, 32U, 33U}) check(few(rows), {1, 3});
}

/// More queries than go in one pass, over enough rows for all threads.
TEST(GalleryScan, ManyQueries) {
  Made made = people(600, 7);
  Maker maker(8);
  for (int q = 0; q < 600; ++q) made.queries.push_back(maker.near(made.rows[maker.below(4200)], 0.05F));
  check(made, {1});
}

TEST(GalleryScan, QueriesThatAreNoNumbersAmongOthers) {
  Made made = people(60, 5);
  for (std::size_t q = 0; q < made.queries.size(); q += 3) made.queries[q][q] = q % 2 == 0 ? NAN : INFINITY;
  check(made, {1, 4});
}

}  // namespace
