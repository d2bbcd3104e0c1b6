// SPDX-License-Identifier: LGPL-2.1-or-later
// The scan with arm64's NEON, which all of them have, and with the sums of byte products that some have.
#include "gallery/search/code_scan_arm.h"

#ifdef EMBED_SCAN_ARM

#include <arm_neon.h>

#define EMBED_INLINE inline __attribute__((always_inline))

namespace embed {

namespace {

constexpr int kPairs = kPanelRows / 2;  // A vector holds a step of two rows.

/// Row codes c as c − 128, which are signed bytes.
EMBED_INLINE int8x16_t centred(uint8x16_t codes) {
  return vreinterpretq_s8_u8(veorq_u8(codes, vdupq_n_u8(0x80)));
}

/// Adds the differences of a step of two rows. Lanes: two partial sums a row.
EMBED_INLINE int32x4_t add_differences(int32x4_t sum, uint8x16_t rows, int8x16_t query) {
  const uint8x16_t apart = vabdq_u8(rows, vreinterpretq_u8_s8(query));
  return vreinterpretq_s32_u32(vpadalq_u16(vreinterpretq_u32_s32(sum), vpaddlq_u8(apart)));
}

struct Neon {
  /// Adds the products of a step of two rows, in the same lanes.
  static EMBED_INLINE int32x4_t add_products(int32x4_t sum, uint8x16_t rows, int8x16_t query) {
    const int8x16_t codes = centred(rows);
    const int16x8_t low = vmull_s8(vget_low_s8(codes), vget_low_s8(query));
    const int16x8_t high = vmull_high_s8(codes, query);
    // Two products are within 2 × 128 × 127 of zero, which 16 bits hold.
    return vpadalq_s16(sum, vpaddq_s16(low, high));
  }
};

struct Dot {
  /// By its name, for a compiler inlines an intrinsic of other instructions than the file's nowhere in it.
  static EMBED_INLINE int32x4_t add_products(int32x4_t sum, uint8x16_t rows, int8x16_t query) {
    const int8x16_t codes = centred(rows);
    __asm__(".arch_extension dotprod\n\tsdot %0.4s, %1.16b, %2.16b" : "+w"(sum) : "w"(codes), "w"(query));
    return sum;
  }
};

EMBED_INLINE int8x16_t twice(const std::uint8_t* eight_codes) {
  const int8x8_t half = vld1_s8(reinterpret_cast<const std::int8_t*>(eight_codes));
  return vcombine_s8(half, half);
}

/// What is to be added to a sum of products of c − 128 to have that of products of c, less the query's bias.
std::int32_t what_is_left(ScanKind kind, const ScanQuery& query, std::size_t steps) {
  if (kind == ScanKind::L1) return -query.bias;
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < steps * kPanelStep; ++i) sum += static_cast<std::int8_t>(query.codes[i]);
  return 128 * sum - query.bias;
}

template <ScanKind K>
EMBED_INLINE float32x4_t score_of(int32x4_t sum, const CodePanels& rows, std::size_t row,
                                  const ScanQuery& query) {
  const float32x4_t value = vcvtq_f32_s32(sum);
  const float32x4_t slack = vmulq_n_f32(vld1q_f32(rows.slack + row), query.slack_weight);
  if constexpr (K == ScanKind::L1) {
    return vsubq_f32(slack, value);
  } else if constexpr (K == ScanKind::Cosine) {
    return vaddq_f32(vmulq_f32(value, vld1q_f32(rows.scale + row)), slack);
  } else {
    const float32x4_t offset = vmulq_n_f32(vld1q_f32(rows.offset + row), query.offset_weight);
    return vaddq_f32(vaddq_f32(value, slack), offset);
  }
}

/// From the sums of a panel's rows, two lanes each, to the hits of a query.
template <ScanKind K>
EMBED_INLINE void take_hits(const int32x4_t (&sums)[kPairs], std::int32_t rest, const CodePanels& rows,
                            std::size_t panel, const ScanQuery& query, std::size_t number, HitSink& sink) {
  const uint32x4_t bits = {1, 2, 4, 8};
  float32x4_t score[kPairs / 2];
  std::uint32_t hits = 0;
  for (int i = 0; i < kPairs / 2; ++i) {
    const int32x4_t sum = vaddq_s32(vpaddq_s32(sums[2 * i], sums[2 * i + 1]), vdupq_n_s32(rest));
    score[i] = score_of<K>(sum, rows, panel * kPanelRows + 4 * static_cast<std::size_t>(i), query);
    // Not below, so that a score that is no number is a hit.
    const uint32x4_t hit = vmvnq_u32(vcltq_f32(score[i], vdupq_n_f32(query.bar)));
    hits |= vaddvq_u32(vandq_u32(hit, bits)) << 4 * i;
  }
  if (__builtin_expect(hits != 0, 0)) {
    float scores[kPanelRows];
    for (int i = 0; i < kPairs / 2; ++i) vst1q_f32(scores + 4 * i, score[i]);
    sink.take(number, panel * kPanelRows, hits, scores);
  }
}

/// One panel against Q queries, whose sums stay in registers.
template <class Isa, ScanKind K, int Q>
EMBED_INLINE void tile(const CodePanels& rows, std::size_t panel, const ScanQuery* queries,
                       const std::int32_t* rest, std::size_t first_query, HitSink& sink) {
  const std::uint8_t* codes = rows.panel(panel);
  int32x4_t sums[Q][kPairs];
#pragma GCC unroll 4
  for (int q = 0; q < Q; ++q) {
#pragma GCC unroll 8
    for (int i = 0; i < kPairs; ++i) sums[q][i] = vdupq_n_s32(0);
  }
#pragma GCC unroll 1
  for (std::size_t step = 0; step < rows.steps; ++step) {
    int8x16_t query[Q];
#pragma GCC unroll 4
    for (int q = 0; q < Q; ++q) query[q] = twice(queries[first_query + q].codes + step * kPanelStep);
#pragma GCC unroll 8
    for (int i = 0; i < kPairs; ++i) {
      const uint8x16_t two = vld1q_u8(codes + step * kPanelStepBytes + 16 * i);
#pragma GCC unroll 4
      for (int q = 0; q < Q; ++q) {
        sums[q][i] = K == ScanKind::L1 ? add_differences(sums[q][i], two, query[q])
                                       : Isa::add_products(sums[q][i], two, query[q]);
      }
    }
  }
#pragma GCC unroll 4
  for (int q = 0; q < Q; ++q) {
    take_hits<K>(sums[q], rest[q], rows, panel, queries[first_query + q], first_query + q, sink);
  }
}

template <class Isa, ScanKind K>
EMBED_INLINE void panels(const CodePanels& rows, const ScanQuery* queries, std::size_t count, HitSink& sink) {
  constexpr std::size_t kMost = 3;
  for (std::size_t first = 0; first < count; first += kMost) {
    const std::size_t some = count - first < kMost ? count - first : kMost;
    std::int32_t rest[kMost];
    for (std::size_t q = 0; q < some; ++q) rest[q] = what_is_left(K, queries[first + q], rows.steps);
    for (std::size_t panel = 0; panel < rows.panels; ++panel) {
      if (some == 3) {
        tile<Isa, K, 3>(rows, panel, queries, rest, first, sink);
      } else if (some == 2) {
        tile<Isa, K, 2>(rows, panel, queries, rest, first, sink);
      } else {
        tile<Isa, K, 1>(rows, panel, queries, rest, first, sink);
      }
    }
  }
}

template <class Isa>
EMBED_INLINE void scan(ScanKind kind, const CodePanels& rows, ScanQuery* queries, std::size_t count,
                       HitSink& sink) {
  if (kind == ScanKind::Cosine) {
    panels<Isa, ScanKind::Cosine>(rows, queries, count, sink);
  } else if (kind == ScanKind::L2) {
    panels<Isa, ScanKind::L2>(rows, queries, count, sink);
  } else {
    panels<Isa, ScanKind::L1>(rows, queries, count, sink);
  }
}

}  // namespace

void scan_arm_dot(ScanKind kind, const CodePanels& rows, ScanQuery* queries, std::size_t count,
                  HitSink& sink) {
  scan<Dot>(kind, rows, queries, count, sink);
}

void scan_neon(ScanKind kind, const CodePanels& rows, ScanQuery* queries, std::size_t count, HitSink& sink) {
  scan<Neon>(kind, rows, queries, count, sink);
}

}  // namespace embed

#endif
