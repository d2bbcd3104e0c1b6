// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/embedding.h"

#include "base/distance_kernels.h"
#include "base/names.h"

namespace embed {

namespace {

constexpr Names<Metric, 4> kMetricNames{
    {{Metric::L1, "l1"}, {Metric::L2, "l2"}, {Metric::SquaredL2, "squared-l2"}, {Metric::Cosine, "cosine"}}};

}  // namespace

const char* to_string(Metric metric) noexcept {
  return name_of(kMetricNames, metric);
}

Metric parse_metric(std::string_view name) {
  return value_of(kMetricNames, name, "metric");
}

float distance(Metric metric, const Embedding& a, const Embedding& b) noexcept {
  if (metric != Metric::Cosine) return row_distance(metric, a.data(), 0, b.data(), 0);
  return row_distance(metric, a.data(), norm(a.data()), b.data(), norm(b.data()));
}

}  // namespace embed
