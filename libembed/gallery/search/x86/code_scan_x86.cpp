// SPDX-License-Identifier: LGPL-2.1-or-later
// The only file with intrinsics. Every function names its instruction set itself, so that the file is
// compiled for the same machine as all others and nothing of it runs where it cannot.
#include "gallery/search/code_scan_x86.h"

#ifdef EMBED_SCAN_X86

#include <immintrin.h>

#include <cstring>

#include "base/tile_shapes.h"

#define EMBED_AVX512 __attribute__((target("avx512f,avx512bw,avx512vnni")))
#define EMBED_AMX __attribute__((target("avx512f,avx512bw,avx512vnni,amx-tile,amx-int8")))
#define EMBED_AVX2 __attribute__((target("avx2")))
#define EMBED_INLINE inline __attribute__((always_inline))

namespace embed {

namespace {

EMBED_INLINE long long eight_codes(const std::uint8_t* codes) {
  long long eight = 0;
  std::memcpy(&eight, codes, sizeof(eight));
  return eight;
}

/// Adds a step of eight rows. Lanes: two partial sums a row.
template <ScanKind K>
EMBED_AVX512 EMBED_INLINE __m512i add_step(__m512i sum, __m512i rows, __m512i query) {
  if constexpr (K == ScanKind::L1) {
    return _mm512_add_epi32(sum, _mm512_sad_epu8(rows, query));
  } else {
    return _mm512_dpbusd_epi32(sum, rows, query);
  }
}

/// One sum a row, in the order of the rows.
EMBED_AVX512 EMBED_INLINE __m512i join(__m512i low, __m512i high) {
  const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  const __m512i odd = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
  return _mm512_add_epi32(_mm512_permutex2var_epi32(low, even, high),
                          _mm512_permutex2var_epi32(low, odd, high));
}

template <ScanKind K>
EMBED_AVX512 EMBED_INLINE __m512 score_of(__m512i sum, const CodePanels& rows, std::size_t first_row,
                                          const ScanQuery& query) {
  // The form with a mask, for GCC 12 warns of the other (its bug 105593).
  const __m512 value = _mm512_maskz_cvtepi32_ps(static_cast<__mmask16>(-1),
                                                _mm512_sub_epi32(sum, _mm512_set1_epi32(query.bias)));
  const __m512 slack =
      _mm512_mul_ps(_mm512_set1_ps(query.slack_weight), _mm512_loadu_ps(rows.slack + first_row));
  if constexpr (K == ScanKind::L1) {
    return _mm512_sub_ps(slack, value);
  } else if constexpr (K == ScanKind::Cosine) {
    return _mm512_add_ps(_mm512_mul_ps(value, _mm512_loadu_ps(rows.scale + first_row)), slack);
  } else {
    const __m512 offset =
        _mm512_mul_ps(_mm512_set1_ps(query.offset_weight), _mm512_loadu_ps(rows.offset + first_row));
    return _mm512_add_ps(_mm512_add_ps(value, slack), offset);
  }
}

/// From the sums of a panel's rows to the hits of a query.
template <ScanKind K>
EMBED_AVX512 EMBED_INLINE void take_hits(__m512i sums, const CodePanels& rows, std::size_t panel,
                                         const ScanQuery& query, std::size_t number, HitSink& sink) {
  const __m512 score = score_of<K>(sums, rows, panel * kPanelRows, query);
  const __mmask16 hits = _mm512_cmp_ps_mask(score, _mm512_set1_ps(query.bar), _CMP_NLT_UQ);
  if (__builtin_expect(hits != 0, 0)) {
    alignas(64) float scores[kPanelRows];
    _mm512_store_ps(scores, score);
    sink.take(number, panel * kPanelRows, hits, scores);
  }
}

/// One panel against Q queries, whose sums stay in registers.
template <ScanKind K, std::size_t Q>
EMBED_AVX512 EMBED_INLINE void tile_avx512(const CodePanels& rows, std::size_t panel,
                                           const ScanQuery* queries, std::size_t first_query, HitSink& sink) {
  const std::uint8_t* codes = rows.panel(panel);
  __m512i low[Q], high[Q];
  for (std::size_t q = 0; q < Q; ++q) low[q] = high[q] = _mm512_setzero_si512();
#pragma GCC unroll 1
  for (std::size_t step = 0; step < rows.steps; ++step) {
    const __m512i first = _mm512_load_si512(codes + step * kPanelStepBytes);
    const __m512i second = _mm512_load_si512(codes + step * kPanelStepBytes + 64);
#pragma GCC unroll 8
    for (std::size_t q = 0; q < Q; ++q) {
      const __m512i query =
          _mm512_set1_epi64(eight_codes(queries[first_query + q].codes + step * kPanelStep));
      low[q] = add_step<K>(low[q], first, query);
      high[q] = add_step<K>(high[q], second, query);
    }
  }
#pragma GCC unroll 8
  for (std::size_t q = 0; q < Q; ++q) {
    take_hits<K>(join(low[q], high[q]), rows, panel, queries[first_query + q], first_query + q, sink);
  }
}

template <ScanKind K>
EMBED_AVX512 void panels_avx512(const CodePanels& rows, const ScanQuery* queries, std::size_t count,
                                HitSink& sink) {
  for (std::size_t panel = 0; panel < rows.panels; ++panel) {
    std::size_t q = 0;
    for (; q + 8 <= count; q += 8) tile_avx512<K, 8>(rows, panel, queries, q, sink);
    for (; q + 4 <= count; q += 4) tile_avx512<K, 4>(rows, panel, queries, q, sink);
    for (; q + 2 <= count; q += 2) tile_avx512<K, 2>(rows, panel, queries, q, sink);
    for (; q < count; ++q) tile_avx512<K, 1>(rows, panel, queries, q, sink);
  }
}

#ifdef EMBED_SCAN_AMX
// Of fewer queries reading the rows takes the time, not multiplying them.
constexpr std::size_t kLeastTileQueries = 4;
constexpr std::size_t kTileQueries = 16;
/// Queries whose tiles are made at once: a scan has no more.
constexpr std::size_t kLotQueries = 32;

/// The codes of sixteen queries: of each step the first four codes of a query, and the other four. A row of a
/// panel's step has both kinds side by side, so that of a tile's products with it every second one is a sum
/// of the row's.
struct QueryTiles {
  alignas(64) std::uint8_t codes[2][kTileQueries][64];
};

void fill(const ScanQuery* queries, std::size_t count, std::size_t steps, QueryTiles& tiles) {
  std::memset(&tiles, 0, sizeof tiles);
  for (std::size_t q = 0; q < count; ++q) {
    for (std::size_t step = 0; step < steps; ++step) {
      for (std::size_t half = 0; half < 2; ++half) {
        std::memcpy(tiles.codes[half][q] + 4 * step, queries[q].codes + step * kPanelStep + 4 * half, 4);
      }
    }
  }
}

EMBED_AMX void set_tiles(std::size_t steps) {
  TileShapes shapes;
  const auto bytes = static_cast<std::int64_t>(4 * steps);
  for (const int tile : {0, 1, 2, 3}) shapes.set(tile, kTileQueries, 64);  // Sums: [queries][16].
  for (const int tile : {4, 5}) shapes.set(tile, kTileQueries, bytes);     // QueryTiles.
  for (const int tile : {6, 7}) shapes.set(tile, bytes / 4, 64);           // Half a panel each.
  __asm__ volatile("ldtilecfg %0" : : "m"(shapes));
}

/// The panel in tiles 6 and 7 against up to sixteen queries.
template <ScanKind K>
EMBED_AMX EMBED_INLINE void tile_amx(const CodePanels& rows, std::size_t panel, const ScanQuery* queries,
                                     const QueryTiles& tiles, std::size_t first_query, std::size_t count,
                                     HitSink& sink) {
  alignas(64) std::int32_t sums[4][kTileQueries][16];
  __asm__ volatile("" : : : "memory");  // The intrinsics do not tell what memory they read.
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_loadd(4, tiles.codes[0], 64);
  _tile_loadd(5, tiles.codes[1], 64);
  _tile_dpbsud(0, 4, 6);
  _tile_dpbsud(1, 5, 6);
  _tile_dpbsud(2, 4, 7);
  _tile_dpbsud(3, 5, 7);
  _tile_stored(0, sums[0], 64);
  _tile_stored(1, sums[1], 64);
  _tile_stored(2, sums[2], 64);
  _tile_stored(3, sums[3], 64);
  __asm__ volatile("" : : : "memory");
  constexpr __mmask16 kOdd = 0xAAAA;
  for (std::size_t q = 0; q < count; ++q) {
    const ScanQuery& query = queries[first_query + q];
    const __m512i low =
        _mm512_mask_blend_epi32(kOdd, _mm512_load_si512(sums[0][q]), _mm512_load_si512(sums[1][q]));
    const __m512i high =
        _mm512_mask_blend_epi32(kOdd, _mm512_load_si512(sums[2][q]), _mm512_load_si512(sums[3][q]));
    take_hits<K>(join(low, high), rows, panel, query, first_query + q, sink);
  }
}

template <ScanKind K>
EMBED_AMX void panels_amx(const CodePanels& rows, const ScanQuery* queries, std::size_t count,
                          HitSink& sink) {
  constexpr std::size_t kGroups = kLotQueries / kTileQueries;
  QueryTiles tiles[kGroups];
  set_tiles(rows.steps);
  for (std::size_t lot = 0; lot < count; lot += kLotQueries) {
    const std::size_t left = count - lot < kLotQueries ? count - lot : kLotQueries;
    const std::size_t groups = (left + kTileQueries - 1) / kTileQueries;
    const auto size = [&](std::size_t g) {
      return left - g * kTileQueries < kTileQueries ? left - g * kTileQueries : kTileQueries;
    };
    for (std::size_t g = 0; g < groups; ++g) {
      fill(queries + lot + g * kTileQueries, size(g), rows.steps, tiles[g]);
    }
    for (std::size_t panel = 0; panel < rows.panels; ++panel) {
      _tile_loadd(6, rows.panel(panel), kPanelStepBytes);
      _tile_loadd(7, rows.panel(panel) + 64, kPanelStepBytes);
      for (std::size_t g = 0; g < groups; ++g) {
        tile_amx<K>(rows, panel, queries, tiles[g], lot + g * kTileQueries, size(g), sink);
      }
    }
  }
  _tile_release();
}

#endif

/// Adds a step of four rows. Lanes: two partial sums a row.
template <ScanKind K>
EMBED_AVX2 EMBED_INLINE __m256i add_step(__m256i sum, __m256i rows, __m256i query) {
  if constexpr (K == ScanKind::L1) {
    return _mm256_add_epi32(sum, _mm256_sad_epu8(rows, query));
  } else {
    const __m256i pairs = _mm256_maddubs_epi16(rows, query);
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
  }
}

/// One sum for each of eight rows, in their order.
EMBED_AVX2 EMBED_INLINE __m256i join(__m256i low, __m256i high) {
  return _mm256_permute4x64_epi64(_mm256_hadd_epi32(low, high), _MM_SHUFFLE(3, 1, 2, 0));
}

template <ScanKind K>
EMBED_AVX2 EMBED_INLINE __m256 score_of(__m256i sum, const CodePanels& rows, std::size_t first_row,
                                        const ScanQuery& query) {
  const __m256 value = _mm256_cvtepi32_ps(_mm256_sub_epi32(sum, _mm256_set1_epi32(query.bias)));
  const __m256 slack =
      _mm256_mul_ps(_mm256_set1_ps(query.slack_weight), _mm256_loadu_ps(rows.slack + first_row));
  if constexpr (K == ScanKind::L1) {
    return _mm256_sub_ps(slack, value);
  } else if constexpr (K == ScanKind::Cosine) {
    return _mm256_add_ps(_mm256_mul_ps(value, _mm256_loadu_ps(rows.scale + first_row)), slack);
  } else {
    const __m256 offset =
        _mm256_mul_ps(_mm256_set1_ps(query.offset_weight), _mm256_loadu_ps(rows.offset + first_row));
    return _mm256_add_ps(_mm256_add_ps(value, slack), offset);
  }
}

template <ScanKind K, std::size_t Q>
EMBED_AVX2 EMBED_INLINE void tile_avx2(const CodePanels& rows, std::size_t panel, const ScanQuery* queries,
                                       std::size_t first_query, HitSink& sink) {
  const std::uint8_t* codes = rows.panel(panel);
  __m256i sums[Q][4];
  for (std::size_t q = 0; q < Q; ++q) {
    for (auto& sum : sums[q]) sum = _mm256_setzero_si256();
  }
#pragma GCC unroll 1
  for (std::size_t step = 0; step < rows.steps; ++step) {
    const auto* four = reinterpret_cast<const __m256i*>(codes + step * kPanelStepBytes);
#pragma GCC unroll 2
    for (std::size_t q = 0; q < Q; ++q) {
      const __m256i query =
          _mm256_set1_epi64x(eight_codes(queries[first_query + q].codes + step * kPanelStep));
#pragma GCC unroll 4
      for (std::size_t part = 0; part < 4; ++part) {
        sums[q][part] = add_step<K>(sums[q][part], _mm256_load_si256(four + part), query);
      }
    }
  }
  for (std::size_t q = 0; q < Q; ++q) {
    const ScanQuery& query = queries[first_query + q];
    const std::size_t row = panel * kPanelRows;
    const __m256 low = score_of<K>(join(sums[q][0], sums[q][1]), rows, row, query);
    const __m256 high = score_of<K>(join(sums[q][2], sums[q][3]), rows, row + 8, query);
    const __m256 bar = _mm256_set1_ps(query.bar);
    const int hits = _mm256_movemask_ps(_mm256_cmp_ps(low, bar, _CMP_NLT_UQ)) |
                     _mm256_movemask_ps(_mm256_cmp_ps(high, bar, _CMP_NLT_UQ)) << 8;
    if (__builtin_expect(hits != 0, 0)) {
      alignas(32) float scores[kPanelRows];
      _mm256_store_ps(scores, low);
      _mm256_store_ps(scores + 8, high);
      sink.take(first_query + q, row, static_cast<std::uint32_t>(hits), scores);
    }
  }
}

template <ScanKind K>
EMBED_AVX2 void panels_avx2(const CodePanels& rows, const ScanQuery* queries, std::size_t count,
                            HitSink& sink) {
  for (std::size_t panel = 0; panel < rows.panels; ++panel) {
    std::size_t q = 0;
    for (; q + 2 <= count; q += 2) tile_avx2<K, 2>(rows, panel, queries, q, sink);
    for (; q < count; ++q) tile_avx2<K, 1>(rows, panel, queries, q, sink);
  }
}

}  // namespace

void scan_avx512_vnni(ScanKind kind, const CodePanels& rows, ScanQuery* queries, std::size_t count,
                      HitSink& sink) {
  if (kind == ScanKind::Cosine) {
    panels_avx512<ScanKind::Cosine>(rows, queries, count, sink);
  } else if (kind == ScanKind::L2) {
    panels_avx512<ScanKind::L2>(rows, queries, count, sink);
  } else {
    panels_avx512<ScanKind::L1>(rows, queries, count, sink);
  }
}

#ifdef EMBED_SCAN_AMX
void scan_amx(ScanKind kind, const CodePanels& rows, ScanQuery* queries, std::size_t count, HitSink& sink) {
  if (kind == ScanKind::L1 || count < kLeastTileQueries) {
    scan_avx512_vnni(kind, rows, queries, count, sink);
  } else if (kind == ScanKind::Cosine) {
    panels_amx<ScanKind::Cosine>(rows, queries, count, sink);
  } else {
    panels_amx<ScanKind::L2>(rows, queries, count, sink);
  }
}
#endif

void scan_avx2(ScanKind kind, const CodePanels& rows, ScanQuery* queries, std::size_t count, HitSink& sink) {
  if (kind == ScanKind::Cosine) {
    panels_avx2<ScanKind::Cosine>(rows, queries, count, sink);
  } else if (kind == ScanKind::L2) {
    panels_avx2<ScanKind::L2>(rows, queries, count, sink);
  } else {
    panels_avx2<ScanKind::L1>(rows, queries, count, sink);
  }
}

}  // namespace embed

#endif
