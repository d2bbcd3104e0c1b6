// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "activation_histogram.h"
#include "error_code.h"
#include "rng.h"

namespace training {
namespace {

ActivationHistogram of(const std::vector<float>& values) {
  ActivationHistogram histogram;
  // In parts, as they come out of a network.
  const std::size_t half = values.size() / 2;
  histogram.measure(values.data(), half);
  histogram.measure(values.data() + half, values.size() - half);
  histogram.count(values.data(), half);
  histogram.count(values.data() + half, values.size() - half);
  return histogram;
}

TEST(ActivationHistogram, AgreesWithSortedValues) {
  Rng rng(1);
  std::vector<float> values(100'000);
  for (float& value : values) value = static_cast<float>(rng.normal() - 0.25);
  const ActivationHistogram histogram = of(values);
  std::vector<double> magnitudes;
  for (const float value : values) magnitudes.push_back(std::fabs(value));
  std::sort(magnitudes.begin(), magnitudes.end());
  EXPECT_EQ(histogram.minimum(), *std::min_element(values.begin(), values.end()));
  EXPECT_EQ(histogram.maximum(), *std::max_element(values.begin(), values.end()));
  EXPECT_EQ(histogram.absolute_maximum(), static_cast<float>(magnitudes.back()));
  EXPECT_NEAR(histogram.mean_magnitude(), std::accumulate(magnitudes.begin(), magnitudes.end(), 0.0) / 1e5,
              1e-9);
  const double width = magnitudes.back() / static_cast<double>(ActivationHistogram::kBins);
  for (const double share : {0.5, 0.9, 0.999, 0.9999}) {
    const auto place = static_cast<std::size_t>(share * 1e5) - 1;
    EXPECT_NEAR(histogram.percentile(share), magnitudes[place], width) << share;
  }
  EXPECT_EQ(histogram.percentile(1), static_cast<float>(magnitudes.back()));
  std::uint64_t total = 0;
  for (const std::uint64_t bin : histogram.bins()) total += bin;
  EXPECT_EQ(total, 100'000U);
}

TEST(ActivationHistogram, BinsAreHalfOpenAndTheLastIsClosed) {
  const float top = 2048;
  const ActivationHistogram histogram = of({0, 0.5F, 1, -1.5F, top, -2047});
  EXPECT_EQ(histogram.bins()[0], 2U);
  EXPECT_EQ(histogram.bins()[1], 2U);
  EXPECT_EQ(histogram.bins()[2047], 2U);
  EXPECT_EQ(histogram.minimum(), -2047);
  EXPECT_EQ(histogram.percentile(0.5), 1.5F);  // The third of six: half of the second bin's two.
}

TEST(ActivationHistogram, ZerosAndNothing) {
  EXPECT_EQ(of({0, 0, 0}).percentile(0.9999), 0);
  EXPECT_EQ(of({0, 0, 0}).bins()[0], 3U);
  EXPECT_EQ(ActivationHistogram().percentile(0.5), 0);
  EXPECT_EQ(ActivationHistogram().mean_magnitude(), 0);
}

TEST(ActivationHistogram, RefusesWhatIsNotFinite) {
  for (const float bad : {std::numeric_limits<float>::infinity(), std::nanf("")}) {
    EXPECT_EQ(code_of([&] { of({1, bad, 2}); }), embed::ErrorCode::InvalidArgument);
  }
}

}  // namespace
}  // namespace training
