// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/distance_kernels.h"

#include <algorithm>
#include <cmath>
#include <limits>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
// One copy for each instruction set, chosen when the library is loaded.
#define EMBED_CLONES __attribute__((target_clones("default", "avx2", "avx512f")))
#else
#define EMBED_CLONES
#endif

namespace embed {

namespace {

constexpr std::size_t kLanes = 16;
static_assert(kEmbeddingDim % kLanes == 0);

template <typename Term>
inline __attribute__((always_inline)) float accumulate(const float* a, const float* b, Term term) noexcept {
  float lanes[kLanes] = {};
  for (std::size_t i = 0; i < kEmbeddingDim; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) lanes[lane] += term(a[i + lane], b[i + lane]);
  }
  for (std::size_t width = kLanes / 2; width > 0; width /= 2) {
    for (std::size_t lane = 0; lane < width; ++lane) lanes[lane] += lanes[lane + width];
  }
  return lanes[0];
}

}  // namespace

EMBED_CLONES float sum_absolute(const float* a, const float* b) noexcept {
  return accumulate(a, b, [](float x, float y) { return std::abs(x - y); });
}

EMBED_CLONES float sum_squared(const float* a, const float* b) noexcept {
  return accumulate(a, b, [](float x, float y) { return (x - y) * (x - y); });
}

EMBED_CLONES float dot(const float* a, const float* b) noexcept {
  return accumulate(a, b, [](float x, float y) { return x * y; });
}

float norm(const float* row) noexcept {
  return std::sqrt(dot(row, row));
}

float row_distance(Metric metric, const float* query, float query_norm, const float* row,
                   float row_norm) noexcept {
  float value = 0;
  switch (metric) {
    case Metric::L1:
      value = sum_absolute(query, row);
      break;
    case Metric::L2:
      value = std::sqrt(sum_squared(query, row));
      break;
    case Metric::SquaredL2:
      value = sum_squared(query, row);
      break;
    case Metric::Cosine: {
      const float norms = query_norm * row_norm;
      if (norms == 0.0F) {
        value = 1.0F;
      } else {
        const float cosine = dot(query, row) / norms;
        value = std::isfinite(cosine) ? std::clamp(1.0F - cosine, 0.0F, 2.0F) : cosine;
      }
      break;
    }
  }
  return std::isfinite(value) ? value : std::numeric_limits<float>::infinity();
}

EMBED_CLONES CodingLoss encode_row(const float* row, float scale, unsigned char* codes) noexcept {
  // Adding 1.5 × 2²³ rounds to an integer in a way that every compiler turns into vector instructions.
  constexpr float kRound = 12582912.0F;
  const float inverse = 1.0F / scale;
  float squares[kLanes] = {}, absolute[kLanes] = {};
  for (std::size_t i = 0; i < kEmbeddingDim; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const float value = row[i + lane];
      const float code = std::min(std::max(value * inverse, -127.0F), 127.0F) + kRound - kRound;
      const float loss = value - code * scale;
      codes[i + lane] = static_cast<unsigned char>(static_cast<int>(code) + 128);
      squares[lane] += loss * loss;
      absolute[lane] += std::abs(loss);
    }
  }
  CodingLoss loss = {0, 0};
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    loss.squares += squares[lane];
    loss.absolute += absolute[lane];
  }
  return loss;
}

}  // namespace embed
