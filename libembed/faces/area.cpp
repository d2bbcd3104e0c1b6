// SPDX-License-Identifier: LGPL-2.1-or-later
#include "faces/area.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace embed::faces {

namespace {

/// The source pixels under each target pixel along one axis, and their shares, which add up to one.
struct Cover {
  struct Span {
    int first, count;
    std::size_t shares;  // the first of `count` in the list
  };
  std::vector<Span> spans;
  std::vector<float> shares;
};

Cover cover(int from, int to) {
  Cover made;
  const double scale = static_cast<double>(from) / to;
  // A sliver that only rounding makes is not worth a pixel.
  constexpr double kSliver = 1e-6;
  for (int i = 0; i < to; ++i) {
    const double low = i * scale, high = std::min<double>(from, (i + 1) * scale);
    const int first = std::min(from - 1, static_cast<int>(std::floor(low + kSliver)));
    const int end = std::max(first + 1, static_cast<int>(std::ceil(high - kSliver)));
    made.spans.push_back({first, end - first, made.shares.size()});
    double total = 0;
    for (int j = first; j < end; ++j) total += std::min(high, j + 1.0) - std::max<double>(low, j);
    for (int j = first; j < end; ++j) {
      made.shares.push_back(static_cast<float>((std::min(high, j + 1.0) - std::max<double>(low, j)) / total));
    }
  }
  return made;
}

/// The mean of some rows: out[i] for `count` values.
void mean_rows(const cv::Mat& source, const Cover::Span& span, const float* shares, int count, float* out) {
  const std::uint8_t* first = source.ptr(span.first);
  if (span.count == 1) {
    for (int i = 0; i < count; ++i) out[i] = shares[0] * static_cast<float>(first[i]);
    return;
  }
  // Most spans are of two or three rows: the first two in one pass.
  const std::uint8_t* second = source.ptr(span.first + 1);
  for (int i = 0; i < count; ++i) {
    out[i] = shares[0] * static_cast<float>(first[i]) + shares[1] * static_cast<float>(second[i]);
  }
  for (int j = 2; j < span.count; ++j) {
    const std::uint8_t* row = source.ptr(span.first + j);
    for (int i = 0; i < count; ++i) out[i] += shares[j] * static_cast<float>(row[i]);
  }
}

template <int kChannels>
void mean_columns(const float* row, const Cover& columns, std::uint8_t* out) {
  for (const Cover::Span& span : columns.spans) {
    const float* pixel = row + static_cast<std::ptrdiff_t>(span.first) * kChannels;
    const float* share = columns.shares.data() + span.shares;
    float sum[kChannels];
    for (int c = 0; c < kChannels; ++c) sum[c] = 0;
    for (int j = 0; j < span.count; ++j, pixel += kChannels) {
      for (int c = 0; c < kChannels; ++c) sum[c] += share[j] * pixel[c];
    }
    for (int c = 0; c < kChannels; ++c) *out++ = cv::saturate_cast<std::uint8_t>(sum[c]);
  }
}

}  // namespace

void reduce_by_area(const cv::Mat& source, cv::Mat& target) {
  constexpr decltype(&mean_columns<1>) kColumns[] = {mean_columns<1>, mean_columns<2>, mean_columns<3>,
                                                     mean_columns<4>};
  const int channels = source.channels();
  CV_Assert(source.depth() == CV_8U && channels <= 4 && target.type() == source.type());
  CV_Assert(target.cols <= source.cols && target.rows <= source.rows && !target.empty());
  const Cover columns = cover(source.cols, target.cols), rows = cover(source.rows, target.rows);
  std::vector<float> row(static_cast<std::size_t>(source.cols) * static_cast<std::size_t>(channels));
  for (int y = 0; y < target.rows; ++y) {
    const Cover::Span& span = rows.spans[static_cast<std::size_t>(y)];
    mean_rows(source, span, rows.shares.data() + span.shares, static_cast<int>(row.size()), row.data());
    kColumns[channels - 1](row.data(), columns, target.ptr(y));
  }
}

}  // namespace embed::faces
