// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace training {

/// What is known of the values that one tensor takes over many pictures, gathered in two passes over the same
/// values: measure() finds the range, count() fills a histogram of the magnitudes over it. Not thread-safe.
class ActivationHistogram {
 public:
  static constexpr std::size_t kBins = 2048;

  /// First pass. Throws embed::Error(InvalidArgument) for a value that is not finite.
  void measure(const float* values, std::size_t count);
  /// Second pass, over what was measured. A magnitude above absolute_maximum() counts as one that equals it.
  void count(const float* values, std::size_t count);

  float minimum() const noexcept { return minimum_; }  ///< 0 before the first value.
  float maximum() const noexcept { return maximum_; }
  float absolute_maximum() const noexcept;
  double mean_magnitude() const noexcept;
  std::uint64_t measured() const noexcept { return measured_; }

  /// [kBins]: how many magnitudes lie in [i, i + 1) · absolute_maximum() / kBins; the last bin is closed.
  const std::vector<std::uint64_t>& bins() const noexcept { return bins_; }
  /// The magnitude that `share` of the counted ones do not exceed, interpolated linearly inside its bin, so
  /// off by less than a bin's width. `share` in (0, 1]; 0 where nothing was counted.
  float percentile(double share) const;

 private:
  float minimum_ = 0, maximum_ = 0;
  double sum_ = 0;
  std::uint64_t measured_ = 0;
  std::vector<std::uint64_t> bins_ = std::vector<std::uint64_t>(kBins);
};

}  // namespace training
