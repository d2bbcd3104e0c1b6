// SPDX-License-Identifier: LGPL-2.1-or-later
// A scan reads the rows' bytes, a quarter of their floats, with integer instructions, and measures exactly
// the few rows that the bytes cannot rule out. One pass over the rows serves all queries.
#include "gallery_scan.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <vector>

#include "distance_kernels.h"
#include "query_codes.h"

namespace embed {

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
// Their codes stay in the first-level cache while rows stream by.
constexpr std::size_t kQueriesAtOnce = 32;
// About a tenth of a millisecond; waking a thread costs a tenth of that.
constexpr std::size_t kProductsPerThread = 200'000;

/// Some queries in one block: takes the hits of a scan and measures them.
class BlockScan final : public HitSink {
 public:
  BlockScan(const GalleryBlock& block, std::size_t first_row, Metric metric, NearestRows* nearest)
      : block_(block), first_row_(first_row), metric_(metric), nearest_(nearest) {}

  /// `codes` [count] and `limits` [count], count ≤ kQueriesAtOnce: rows beyond the limits need not be found.
  void run(const ScanVariant& variant, QueryCodes* codes, const float* limits, std::size_t count) {
    codes_ = codes;
    std::size_t usable = 0;
    for (std::size_t q = 0; q < count; ++q) {
      const bool scanned = codes[q].usable() && block_.coded() > 0;
      for (std::size_t r = scanned ? block_.coded() : 0; r < block_.size(); ++r) measure(q, r);
      if (!scanned) continue;
      number_[usable] = q;
      limit_[usable] = std::min(limits[q], nearest_[q].limit());
      scans_[usable] = codes[q].enter(block_, limit_[usable]);
      kin_bar_[usable] = codes[q].bar(std::min(limit_[usable], nearest_[q].kin_limit()));
      ++usable;
    }
    const ScanKind kind = scan_kind(metric_);
    if (usable > 0) variant.scan(kind, block_.panels(kind), scans_, usable, *this);
  }

  void take(std::size_t scan, std::size_t first_row, std::uint32_t hits, const float* score) override {
    const std::size_t q = number_[scan];
    for (; hits != 0; hits &= hits - 1) {
      const auto i = static_cast<std::size_t>(__builtin_ctz(hits));
      const std::size_t r = first_row + i;
      const bool kin = block_.identity(r) == nearest_[q].nearest_identity();
      if (score[i] < (kin ? kin_bar_[scan] : scans_[scan].bar)) continue;
      if (measure(q, r)) raise_bars(scan);
    }
  }

 private:
  /// Whether that changed what is known.
  bool measure(std::size_t q, std::size_t r) {
    const float distance =
        row_distance(metric_, codes_[q].values(), codes_[q].norm(), block_.row(r), block_.norm(r));
    return nearest_[q].add({distance, first_row_ + r, block_.identity(r)});
  }

  void raise_bars(std::size_t scan) {
    const std::size_t q = number_[scan];
    limit_[scan] = std::min(limit_[scan], nearest_[q].limit());
    scans_[scan].bar = codes_[q].bar(limit_[scan]);
    kin_bar_[scan] = codes_[q].bar(std::min(limit_[scan], nearest_[q].kin_limit()));
  }

  const GalleryBlock& block_;
  std::size_t first_row_;
  Metric metric_;
  NearestRows* nearest_;
  QueryCodes* codes_ = nullptr;
  // [usable queries]: what the scan reads, which query it is, its limit, and the bar for rows of the identity
  // that is nearest so far: those matter only when they are nearer still.
  ScanQuery scans_[kQueriesAtOnce];
  std::size_t number_[kQueriesAtOnce] = {};
  float limit_[kQueriesAtOnce] = {};
  float kin_bar_[kQueriesAtOnce] = {};
};

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
      const std::size_t b = piece / groups();
      const std::size_t first = piece % groups() * kQueriesAtOnce;
      const std::size_t count = std::min(kQueriesAtOnce, limits_.size() - first);
      float limits[kQueriesAtOnce];
      for (std::size_t q = 0; q < count; ++q) limits[q] = limits_[first + q].load(std::memory_order_relaxed);
      BlockScan scan(rows_.block(b), b * GalleryBlock::kRows, metric_, nearest + first);
      scan.run(variant_, codes + first, limits, count);
      for (std::size_t q = 0; q < count; ++q) lower(limits_[first + q], nearest[first + q].limit());
    }
  }

 private:
  std::size_t groups() const noexcept { return (limits_.size() + kQueriesAtOnce - 1) / kQueriesAtOnce; }

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
