// SPDX-License-Identifier: LGPL-2.1-or-later
// A scan reads the rows' bytes, a quarter of their floats, with integer instructions, and measures exactly
// the few rows that the bytes cannot rule out. One pass over the rows serves all queries.
#include "gallery/search/scan.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <vector>

#include "gallery/search/measuring_scan.h"
#include "gallery/search/query_codes.h"

namespace embed {

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr std::size_t kQueriesAtOnce = MeasuringScan::kQueries;
// About a tenth of a millisecond; waking a thread costs a tenth of that.
constexpr std::size_t kProductsPerThread = 200'000;

/// One call of scan_rows: pieces of work, a block and some queries each, that any number of threads take.
class SharedScan {
 public:
  SharedScan(const GalleryRows& rows, Metric metric, const ScanVariant& variant, std::size_t queries)
      : rows_(rows), metric_(metric), variant_(variant), limits_(queries) {
    for (auto& limit : limits_) limit.store(kInfinity, std::memory_order_relaxed);
  }

  std::size_t pieces() const noexcept { return rows_.blocks() * groups(); }

  /// Works until no piece is left. `codes` and `nearest` [queries] are this thread's own.
  void work(QueryCodes* codes, NearestRows* nearest) {
    for (std::size_t piece = next_++; piece < pieces(); piece = next_++) {
      const std::size_t first = piece % groups() * kQueriesAtOnce;
      const std::size_t count = std::min(kQueriesAtOnce, limits_.size() - first);
      scan_block(piece / groups(), first, count, codes + first, nearest + first);
    }
  }

 private:
  std::size_t groups() const noexcept { return (limits_.size() + kQueriesAtOnce - 1) / kQueriesAtOnce; }

  void scan_block(std::size_t b, std::size_t first, std::size_t count, QueryCodes* codes,
                  NearestRows* nearest) {
    const GalleryBlock& block = rows_.block(b);
    const std::size_t first_row = b * GalleryBlock::kRows;
    MeasuringScan scan(rows_, metric_, variant_);
    QueryCodes* scanned[kQueriesAtOnce];
    NearestRows* found[kQueriesAtOnce];
    float limits[kQueriesAtOnce];
    std::size_t usable = 0;
    for (std::size_t q = 0; q < count; ++q) {
      for (std::size_t r = codes[q].usable() ? block.coded() : 0; r < block.size(); ++r) {
        scan.measure(codes[q], first_row + r, nearest[q]);
      }
      if (!codes[q].usable()) continue;
      scanned[usable] = &codes[q];
      found[usable] = &nearest[q];
      limits[usable++] = limits_[first + q].load(std::memory_order_relaxed);
    }
    scan.run(block.coded_rows(scan_kind(metric_)), first_row, nullptr, scanned, limits, found, usable);
    for (std::size_t q = 0; q < count; ++q) lower(limits_[first + q], nearest[q].limit());
  }

  static void lower(std::atomic<float>& limit, float value) {
    float now = limit.load(std::memory_order_relaxed);
    while (value < now && !limit.compare_exchange_weak(now, value, std::memory_order_relaxed)) {
    }
  }

  const GalleryRows& rows_;
  Metric metric_;
  const ScanVariant& variant_;
  std::atomic<std::size_t> next_{0};
  // [queries]: the least that any thread has found to be enough. A thread need not look beyond what another
  // knows.
  std::vector<std::atomic<float>> limits_;
};

}  // namespace

void scan_rows(const GalleryRows& rows, Metric metric, const Embedding* queries, std::size_t count,
               const ScanVariant& variant, WorkerPool& pool, NearestRows* out) {
  std::vector<QueryCodes> codes;
  codes.reserve(count);
  for (std::size_t q = 0; q < count; ++q) codes.emplace_back(metric, queries[q].data(), variant.largest_code);
  SharedScan scan(rows, metric, variant, count);
  const std::size_t threads =
      std::min({rows.size() * count / kProductsPerThread, scan.pieces(), pool.width()});
  if (threads < 2) {
    scan.work(codes.data(), out);
    return;
  }
  // Each thread's own, made before any starts: a thread must not throw.
  std::vector<std::vector<QueryCodes>> own_codes(threads, codes);
  std::vector<std::vector<NearestRows>> own(threads);
  for (auto& nearest : own) {
    nearest.reserve(count);
    for (std::size_t q = 0; q < count; ++q) nearest.emplace_back(out[q].k());
  }
  pool.run(threads, [&](std::size_t t) { scan.work(own_codes[t].data(), own[t].data()); });
  for (const auto& found : own) {
    for (std::size_t q = 0; q < count; ++q) out[q].add(found[q]);
  }
}

void scan_rows(const GalleryRows& rows, Metric metric, const Embedding* queries, std::size_t count,
               NearestRows* out) {
  scan_rows(rows, metric, queries, count, scan_variants().front(), WorkerPool::shared(), out);
}

}  // namespace embed
