// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gallery/search/code_scan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <tuple>
#include <vector>

#include "gallery/search/block.h"

namespace {

using embed::kEmbeddingDim;
using embed::kPanelRows;
using embed::ScanKind;

constexpr ScanKind kKinds[] = {ScanKind::Cosine, ScanKind::L2, ScanKind::L1};

using Hit = std::tuple<std::size_t, std::size_t, float>;  // query, row, score

class Collect final : public embed::HitSink {
 public:
  void take(std::size_t query, std::size_t first_row, std::uint32_t hits, const float* score) override {
    EXPECT_NE(hits, 0U);
    for (std::size_t i = 0; i < kPanelRows; ++i) {
      if ((hits >> i & 1U) != 0) found.emplace_back(query, first_row + i, score[i]);
    }
  }
  std::vector<Hit> found;
};

/// Codes of all values, at both ends of their range too, and terms with an infinite one among them.
struct Panels {
  explicit Panels(std::size_t count, std::size_t steps_each = embed::kPanelSteps)
      : panels(count), steps(steps_each), codes(count * embed::kPanelBytes), terms(3 * count * kPanelRows) {
    std::mt19937 generator(static_cast<unsigned>(count));
    for (std::size_t i = 0; i < count * embed::kPanelBytes; ++i) {
      const unsigned value = generator();
      codes[i] = static_cast<std::uint8_t>(value % 9 == 0 ? 255 : (value % 9 == 1 ? 1 : 1 + value / 9 % 255));
    }
    std::normal_distribution<float> normal(1, 0.2F);
    for (std::size_t i = 0; i < 3 * count * kPanelRows; ++i) terms[i] = std::abs(normal(generator));
    if (count > 0) terms[count * kPanelRows + 5] = std::numeric_limits<float>::infinity();
  }
  embed::CodePanels view() const {
    const std::size_t rows = panels * kPanelRows;
    return {codes.data(), panels, terms.data(), terms.data() + rows, terms.data() + 2 * rows, steps};
  }
  std::size_t panels, steps;
  embed::AlignedArray<std::uint8_t> codes;
  embed::AlignedArray<float> terms;
};

struct Queries {
  Queries(std::size_t count, ScanKind kind, int largest) : codes(count * kEmbeddingDim) {
    std::mt19937 generator(static_cast<unsigned>(count));
    for (std::size_t q = 0; q < count; ++q) {
      std::int32_t sum = 0;
      for (std::size_t i = 0; i < kEmbeddingDim; ++i) {
        // The first query has the largest codes only: what 16 bits could not hold shows there.
        const int code =
            q == 0 ? largest
                   : static_cast<int>(generator() % static_cast<unsigned>(2 * largest + 1)) - largest;
        codes[q * kEmbeddingDim + i] = static_cast<std::uint8_t>(kind == ScanKind::L1 ? code + 128 : code);
        sum += code;
      }
      scans.push_back({nullptr, kind == ScanKind::L1 ? 0 : 128 * sum, 1.5F, -2.5F, 0});
    }
    for (std::size_t q = 0; q < count; ++q) scans[q].codes = codes.data() + q * kEmbeddingDim;
  }
  std::vector<std::uint8_t> codes;
  std::vector<embed::ScanQuery> scans;
};

std::vector<Hit> scan(const embed::ScanVariant& variant, ScanKind kind, const Panels& panels,
                      Queries& queries) {
  Collect sink;
  variant.scan(kind, panels.view(), queries.scans.data(), queries.scans.size(), sink);
  std::sort(sink.found.begin(), sink.found.end());
  return sink.found;
}

TEST(CodeScan, AllVariantsGiveTheSameHits) {
  const embed::ScanVariant portable = embed::scan_variants().back();
  EXPECT_STREQ(portable.name, "portable");
  for (const embed::ScanVariant& variant : embed::scan_variants()) {
    for (const ScanKind kind : kKinds) {
      for (const std::size_t count : {0U, 1U, 2U, 3U, 5U, 8U, 15U, 20U, 32U, 45U}) {
        // All values, and the first 24 alone.
        const Panels panels(count == 8 ? 0 : 7, count % 2 == 0 ? embed::kPanelSteps : 3);
        Queries queries(count, kind, variant.largest_code);
        for (const float bar : {-std::numeric_limits<float>::infinity(), -8000.0F, 0.0F, 20000.0F, 1e30F}) {
          for (auto& query : queries.scans) query.bar = bar;
          EXPECT_EQ(scan(variant, kind, panels, queries), scan(portable, kind, panels, queries))
              << variant.name << ", kind " << static_cast<int>(kind) << ", " << count << " queries, bar "
              << bar;
        }
      }
    }
  }
}

TEST(CodeScan, SumsAreWhatTheyAreCalled) {
  const Panels panels(2);
  Queries queries(3, ScanKind::Cosine, 63);
  Queries absolute(3, ScanKind::L1, 63);
  for (auto* scans : {&queries.scans, &absolute.scans}) {
    for (auto& query : *scans) query.bar = -std::numeric_limits<float>::infinity();
  }
  const auto products = scan(embed::scan_variants().back(), ScanKind::Cosine, panels, queries);
  const auto differences = scan(embed::scan_variants().back(), ScanKind::L1, panels, absolute);
  ASSERT_EQ(products.size(), 3 * 2 * kPanelRows);
  ASSERT_EQ(differences.size(), products.size());
  const embed::CodePanels view = panels.view();
  for (std::size_t i = 0; i < products.size(); ++i) {
    const auto [q, r, score] = products[i];
    int product = 0, difference = 0;
    for (std::size_t v = 0; v < kEmbeddingDim; ++v) {
      const std::size_t at = r / kPanelRows * embed::kPanelBytes + embed::panel_offset(r % kPanelRows, v);
      const int row = static_cast<int>(view.codes[at]) - 128;
      const auto query = static_cast<std::int8_t>(queries.codes[q * kEmbeddingDim + v]);
      product += row * query;
      difference += std::abs(row - query);
    }
    const float slack = 1.5F * view.slack[r];
    EXPECT_EQ(score, static_cast<float>(product) * view.scale[r] + slack);
    EXPECT_EQ(std::get<2>(differences[i]), slack - static_cast<float>(difference));
  }
}

TEST(CodeScan, ARaisedBarHoldsFromThen) {
  class Raise final : public embed::HitSink {
   public:
    explicit Raise(embed::ScanQuery* queries) : queries_(queries) {}
    void take(std::size_t query, std::size_t first_row, std::uint32_t, const float*) override {
      queries_[query].bar = 1e30F;
      seen.emplace_back(query, first_row);
    }
    std::vector<std::pair<std::size_t, std::size_t>> seen;

   private:
    embed::ScanQuery* queries_;
  };
  for (const embed::ScanVariant& variant : embed::scan_variants()) {
    const Panels panels(7);
    Queries queries(11, ScanKind::L2, variant.largest_code);
    for (auto& query : queries.scans) query.bar = -1e30F;
    Raise sink(queries.scans.data());
    variant.scan(ScanKind::L2, panels.view(), queries.scans.data(), queries.scans.size(), sink);
    // The first panel, which has the row with the infinite slack, and no later one.
    EXPECT_EQ(sink.seen.size(), 11U) << variant.name;
  }
}

}  // namespace
