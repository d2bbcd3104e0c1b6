// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/few.h"
#include "embed/embedding.h"

namespace embed {

/// Rows are scanned as bytes, sixteen at a time. A panel holds 16 rows as [steps][16][8] codes: values 8·i to
/// 8·i + 7 of every row, then the next eight; 16 steps for all 128 values, fewer for the first few alone. A
/// code c stands for (c − 128) × the scale of its rows.
inline constexpr std::size_t kPanelRows = 16;
inline constexpr std::size_t kPanelStep = 8;
inline constexpr std::size_t kPanelStepBytes = kPanelRows * kPanelStep;
inline constexpr std::size_t kPanelSteps = kEmbeddingDim / kPanelStep;
/// Of a panel with all values.
inline constexpr std::size_t kPanelBytes = kPanelSteps * kPanelStepBytes;

/// Where code `i` of row `row` of a panel is.
inline constexpr std::size_t panel_offset(std::size_t row, std::size_t i) noexcept {
  return (i / kPanelStep) * kPanelRows * kPanelStep + row * kPanelStep + i % kPanelStep;
}

/// What a row's score is made of, besides the sum over its codes.
enum class ScanKind {
  Cosine,  ///< (product − bias) × scale + slack_weight × slack
  L2,      ///< (product − bias) + slack_weight × slack + offset_weight × offset
  L1,      ///< slack_weight × slack − sum of absolute differences
};

/// Whole panels, borrowed. `codes` [panels, steps, 16, 8], 64-byte aligned; the others [panels, 16] or null
/// where the kind does not use them.
struct CodePanels {
  const std::uint8_t* codes;
  std::size_t panels;
  const float* scale;
  const float* slack;
  const float* offset;
  std::size_t steps = kPanelSteps;

  const std::uint8_t* panel(std::size_t p) const noexcept { return codes + p * steps * kPanelStepBytes; }
};

/// A query, borrowed. `codes` [128]: int8 for products, biased like a row's for L1.
struct ScanQuery {
  const std::uint8_t* codes;
  std::int32_t bias;  ///< 128 × the sum of the codes; 0 for L1.
  float slack_weight;
  float offset_weight;
  float bar;  ///< Rows whose score is not below it are hits. The sink may raise it during the scan.
};

/// Takes the hits of a scan.
class HitSink {
 public:
  /// Rows first_row + i of the panels for each bit i of `hits`, for query number `query`; `score` [16].
  virtual void take(std::size_t query, std::size_t first_row, std::uint32_t hits, const float* score) = 0;

 protected:
  ~HitSink() = default;
};

/// One way to scan. All give the same hits with the same scores, bit for bit, for queries whose codes all can
/// take.
struct ScanVariant {
  const char* name = "";  ///< "amx-int8", "avx512-vnni", "avx2", "arm-dot", "neon", "portable".
  int largest_code = 0;   ///< Codes of a query (products) are within ± this.
  void (*scan)(ScanKind kind, const CodePanels& rows, ScanQuery* queries, std::size_t count,
               HitSink& sink) = nullptr;
};

/// Those that this machine runs, the fastest first; the last is the portable one.
using ScanVariants = Few<ScanVariant, 4>;
ScanVariants scan_variants() noexcept;

}  // namespace embed
