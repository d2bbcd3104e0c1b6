// SPDX-License-Identifier: LGPL-2.1-or-later
#include "measure/bootstrap.h"

#include <algorithm>
#include <cmath>

#include "base/rng.h"
#include "embed/error.h"
#include "measure/embedding_rows.h"

namespace training {

namespace {

constexpr std::uint64_t kBootstrapStream = 41;

/// The measures of one resample.
struct Measures {
  double auc = 0, eer = 0, accuracy = 0;
  std::vector<double> tar;
};

/// One walk over the pairs in rising order of distance; equal distances are decided together.
Measures measure_weighted(const std::vector<SampledPair>& pairs, const std::vector<double>& weights,
                          double genuine, double impostor, float threshold, const std::vector<double>& fars) {
  Measures result;
  result.tar.assign(fars.size(), 0);
  double accepted_genuine = 0, accepted_impostor = 0, right = impostor;
  double far_before = 0, frr_before = 1;
  bool crossed = false;
  for (std::size_t start = 0; start < pairs.size();) {
    double near = 0, far = 0;
    std::size_t end = start;
    for (; end < pairs.size() && pairs[end].distance == pairs[start].distance; ++end)
      (pairs[end].genuine ? near : far) += weights[end];
    // Each genuine pair is nearer than the impostors behind it; ties count half.
    result.auc += near * (impostor - accepted_impostor - far / 2);
    accepted_genuine += near;
    accepted_impostor += far;
    if (pairs[start].distance <= threshold) right = accepted_genuine + impostor - accepted_impostor;
    const double accept_rate = accepted_impostor / impostor, reject_rate = 1 - accepted_genuine / genuine;
    for (std::size_t i = 0; i < fars.size(); ++i) {
      if (accept_rate <= fars[i] + 1e-12) result.tar[i] = accepted_genuine / genuine;
    }
    if (!crossed && accept_rate >= reject_rate) {
      crossed = true;
      const double before = frr_before - far_before;
      const double part = before / (before + accept_rate - reject_rate);
      result.eer = far_before + part * (accept_rate - far_before);
    }
    far_before = accept_rate;
    frr_before = reject_rate;
    start = end;
  }
  result.auc /= genuine * impostor;
  result.accuracy = right / (genuine + impostor);
  return result;
}

Interval middle(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const auto at = [&](double share) {
    const double place = share * static_cast<double>(values.size() - 1);
    return values[static_cast<std::size_t>(std::lround(place))];
  };
  return {at(0.025), at(0.975)};
}

}  // namespace

std::vector<SampledPair> sampled_pairs(const LabelledEmbeddings& set, embed::Metric metric,
                                       std::size_t most_impostors, std::uint64_t seed) {
  std::vector<SampledPair> pairs;
  for_each_pair(set, metric, most_impostors, seed, [&](std::size_t i, std::size_t j, float distance) {
    const std::int64_t a = set.labels[i], b = set.labels[j];
    pairs.push_back({distance, a == b, static_cast<std::uint32_t>(a), static_cast<std::uint32_t>(b)});
  });
  return pairs;
}

VerificationIntervals bootstrap(std::vector<SampledPair> pairs, std::size_t units, float threshold,
                                const std::vector<double>& fars, std::size_t resamples, std::uint64_t seed) {
  const auto is_genuine = [](const SampledPair& pair) { return pair.genuine; };
  if (resamples == 0 || std::all_of(pairs.begin(), pairs.end(), is_genuine) ||
      std::none_of(pairs.begin(), pairs.end(), is_genuine)) {
    throw embed::Error(embed::ErrorCode::InvalidArgument,
                       "intervals need a genuine pair, an impostor pair and a resample at least");
  }
  std::sort(pairs.begin(), pairs.end(),
            [](const SampledPair& a, const SampledPair& b) { return a.distance < b.distance; });
  std::vector<std::vector<double>> measured(3 + fars.size());
  std::vector<double> drawn(units), weights(pairs.size());
  for (std::size_t r = 0; r < resamples; ++r) {
    Rng rng(seed, {kBootstrapStream, r});
    std::fill(drawn.begin(), drawn.end(), 0.0);
    for (std::size_t i = 0; i < units; ++i) ++drawn[rng.below(units)];
    double genuine = 0, impostor = 0;
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      const SampledPair& pair = pairs[i];
      weights[i] =
          pair.unit == pair.other_unit ? drawn[pair.unit] : drawn[pair.unit] * drawn[pair.other_unit];
      (pair.genuine ? genuine : impostor) += weights[i];
    }
    if (genuine <= 0 || impostor <= 0) continue;
    const Measures one = measure_weighted(pairs, weights, genuine, impostor, threshold, fars);
    measured[0].push_back(one.auc);
    measured[1].push_back(one.eer);
    measured[2].push_back(one.accuracy);
    for (std::size_t i = 0; i < fars.size(); ++i) measured[3 + i].push_back(one.tar[i]);
  }
  VerificationIntervals result;
  result.resamples = measured[0].size();
  if (result.resamples == 0) {
    throw embed::Error(embed::ErrorCode::InvalidArgument,
                       "no resample held pairs of both kinds: too little data");
  }
  result.auc = middle(measured[0]);
  result.eer = middle(measured[1]);
  result.accuracy = middle(measured[2]);
  for (std::size_t i = 0; i < fars.size(); ++i) result.tar.push_back(middle(measured[3 + i]));
  return result;
}

}  // namespace training
