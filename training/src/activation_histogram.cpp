// SPDX-License-Identifier: LGPL-2.1-or-later
#include "activation_histogram.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "embed/error.h"

namespace training {

void ActivationHistogram::measure(const float* values, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const float value = values[i];
    if (!std::isfinite(value))
      throw embed::Error(embed::ErrorCode::InvalidArgument, "an activation is not finite");
    if (measured_ + i == 0) minimum_ = maximum_ = value;
    minimum_ = std::min(minimum_, value);
    maximum_ = std::max(maximum_, value);
    sum_ += std::fabs(value);
  }
  measured_ += count;
}

void ActivationHistogram::count(const float* values, std::size_t count) {
  const double most = absolute_maximum();
  const double scale = most > 0 ? static_cast<double>(kBins) / most : 0;
  for (std::size_t i = 0; i < count; ++i) {
    const auto bin = static_cast<std::size_t>(std::fabs(static_cast<double>(values[i])) * scale);
    ++bins_[std::min(bin, kBins - 1)];
  }
}

float ActivationHistogram::absolute_maximum() const noexcept {
  return std::max(std::fabs(minimum_), std::fabs(maximum_));
}

double ActivationHistogram::mean_magnitude() const noexcept {
  return measured_ == 0 ? 0 : sum_ / static_cast<double>(measured_);
}

float ActivationHistogram::percentile(double share) const {
  const auto total = std::accumulate(bins_.begin(), bins_.end(), std::uint64_t{0});
  if (total == 0) return 0;
  const double wanted = share * static_cast<double>(total);
  const double width = absolute_maximum() / static_cast<double>(kBins);
  double below = 0;
  for (std::size_t bin = 0; bin < kBins; ++bin) {
    const auto here = static_cast<double>(bins_[bin]);
    if (here > 0 && below + here >= wanted) {
      return static_cast<float>(width * (static_cast<double>(bin) + (wanted - below) / here));
    }
    below += here;
  }
  return absolute_maximum();
}

}  // namespace training
