// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gallery/search/code_scan.h"

#include <cstdlib>

#include "base/cpu_features.h"
#include "gallery/search/code_scan_arm.h"
#include "gallery/search/code_scan_x86.h"

namespace embed {

namespace {

/// The sum over `count` values of one row of a panel. `query` [128].
std::int32_t row_sum(ScanKind kind, const std::uint8_t* panel, std::size_t row, const std::uint8_t* query,
                     std::size_t count) {
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const auto code = static_cast<std::int32_t>(panel[panel_offset(row, i)]);
    sum += kind == ScanKind::L1 ? std::abs(code - static_cast<std::int32_t>(query[i]))
                                : code * static_cast<std::int32_t>(static_cast<std::int8_t>(query[i]));
  }
  return sum;
}

void scan_panel(ScanKind kind, const CodePanels& rows, std::size_t panel, std::size_t number,
                const ScanQuery& query, HitSink& sink) {
  float score[kPanelRows];
  std::uint32_t hits = 0;
  for (std::size_t i = 0; i < kPanelRows; ++i) {
    const std::size_t row = panel * kPanelRows + i;
    const auto sum = static_cast<float>(
        row_sum(kind, rows.panel(panel), i, query.codes, rows.steps * kPanelStep) - query.bias);
    const float slack = query.slack_weight * rows.slack[row];
    if (kind == ScanKind::L1) {
      score[i] = slack - sum;
    } else if (kind == ScanKind::Cosine) {
      score[i] = sum * rows.scale[row] + slack;
    } else {
      score[i] = (sum + slack) + query.offset_weight * rows.offset[row];
    }
    // Not below, so that a score that is no number is a hit.
    if (!(score[i] < query.bar)) hits |= 1U << i;
  }
  if (hits != 0) sink.take(number, panel * kPanelRows, hits, score);
}

void scan_portable(ScanKind kind, const CodePanels& rows, ScanQuery* queries, std::size_t count,
                   HitSink& sink) {
  for (std::size_t panel = 0; panel < rows.panels; ++panel) {
    for (std::size_t q = 0; q < count; ++q) scan_panel(kind, rows, panel, q, queries[q], sink);
  }
}

}  // namespace

ScanVariants scan_variants() noexcept {
  ScanVariants found;
#ifdef EMBED_SCAN_X86
#ifdef EMBED_SCAN_AMX
  if (cpu_features().avx512_vnni && cpu_features().amx_int8) found.add({"amx-int8", 127, scan_amx});
#endif
  if (cpu_features().avx512_vnni) found.add({"avx512-vnni", 127, scan_avx512_vnni});
  // Two products are added in 16 bits: 2 × 255 × 63 still fits.
  if (cpu_features().avx2) found.add({"avx2", 63, scan_avx2});
#endif
#ifdef EMBED_SCAN_ARM
  if (cpu_features().arm_dot) found.add({"arm-dot", 127, scan_arm_dot});
  if (cpu_features().neon) found.add({"neon", 127, scan_neon});
#endif
  found.add({"portable", 127, scan_portable});
  return found;
}

}  // namespace embed
