// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gallery/search/query_codes.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/distance_kernels.h"

namespace embed {

namespace {

// Between these no square of a float under- or overflows.
constexpr float kSmallestNorm = 1e-12F, kLargestNorm = 1e12F;
// Shares of what is compared that cover the rounding of a distance (16 partial sums of 8 terms: below 1e-6)
// and of a score.
constexpr double kRounding = 4e-6, kUnderflow = 1e-30;

float round_down(double value) {
  const auto rounded = static_cast<float>(value);
  return std::nextafter(rounded, -std::numeric_limits<float>::infinity());
}

}  // namespace

ScanKind scan_kind(Metric metric) noexcept {
  switch (metric) {
    case Metric::L1:
      return ScanKind::L1;
    case Metric::L2:
    case Metric::SquaredL2:
      return ScanKind::L2;
    case Metric::Cosine:
      break;
  }
  return ScanKind::Cosine;
}

QueryCodes::QueryCodes(Metric metric, const float* query, int largest_code)
    : QueryCodes(metric, query, largest_code, query, 0) {}

QueryCodes::QueryCodes(Metric metric, const float* query, int largest_code, const float* first, float rest)
    : metric_(metric),
      values_(query),
      norm_(embed::norm(query)),
      usable_(norm_ <= kLargestNorm && (metric != Metric::Cosine || norm_ >= kSmallestNorm)),
      rest_(rest) {
  if (!usable_ || metric == Metric::L1) return;
  float largest = 0;
  for (std::size_t i = 0; i < kEmbeddingDim; ++i) largest = std::max(largest, std::abs(first[i]));
  const float step = std::max(largest / static_cast<float>(largest_code), kSmallestNorm);
  step_ = step;
  double squares = 0, losses = 0;
  std::int32_t sum = 0, code_squares = 0;
  for (std::size_t i = 0; i < kEmbeddingDim; ++i) {
    const float limit = static_cast<float>(largest_code);
    const auto code = static_cast<std::int32_t>(std::nearbyint(std::clamp(first[i] / step, -limit, limit)));
    codes_[i] = static_cast<std::uint8_t>(code);
    sum += code;
    code_squares += code * code;
    const double loss = first[i] - code * step_;
    squares += static_cast<double>(query[i]) * query[i];
    losses += loss * loss;
  }
  bias_ = 128 * sum;
  length_ = std::sqrt(squares);
  coded_length_ = step_ * std::sqrt(static_cast<double>(code_squares));
  loss_ = std::sqrt(losses) * (1 + kRounding);
}

ScanQuery QueryCodes::enter(const CodedRows& rows, float limit) {
  largest_norm_ = rows.largest_norm;
  largest_rest_ = rows.largest_rest;
  ScanQuery query = {codes_, bias_, 0, 0, 0};
  if (metric_ == Metric::L1) {
    step_ = unit_ = rows.code_scale;
    const CodingLoss loss = encode_row(values_, rows.code_scale, codes_);
    loss_ = loss.absolute * (1 + 1e-5) + 2e-5 * norm_;
    query.slack_weight = static_cast<float>(1 / unit_ * (1 + kRounding));
  } else {
    unit_ = step_ * rows.code_scale;
    // Above 0, so that an infinite slack stays infinite.
    query.slack_weight = static_cast<float>(std::max(coded_length_, 1e-12) / unit_ * (1 + kRounding));
    query.offset_weight = static_cast<float>(-1 / unit_);
  }
  query.bar = bar(limit);
  return query;
}

float QueryCodes::bar(float limit) const noexcept {
  double least = 0;
  switch (metric_) {
    case Metric::L1:
      least = -(limit + loss_) * (1 + kRounding) - kUnderflow;
      break;
    case Metric::Cosine:
      least = (1.0 - limit - 3 * kRounding) * length_ - loss_ - rest_ * largest_rest_;
      break;
    case Metric::L2:
    case Metric::SquaredL2: {
      const double square = metric_ == Metric::L2 ? static_cast<double>(limit) * limit : limit;
      const double lengths = length_ * length_ + largest_norm_ * largest_norm_;
      least = (length_ * length_ - square) / 2 - largest_norm_ * loss_ - rest_ * largest_rest_ -
              kRounding * (lengths + square) - kUnderflow;
      break;
    }
  }
  return round_down(least / unit_);
}

}  // namespace embed
