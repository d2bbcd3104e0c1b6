// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/match_rule.h"

#include <algorithm>

namespace embed {

Metric metric_of(const std::string& name, const ModelInfo& model) {
  return name == "auto" ? model.metric : parse_metric(name);
}

MatchOptions match_rule(const MatchSettings& settings, const ModelInfo& model, const Gallery& gallery) {
  MatchOptions rule;
  rule.metric = metric_of(settings.metric, model);
  rule.margin = settings.margin;
  rule.k = settings.k;
  if (settings.threshold >= 0) {
    rule.threshold = static_cast<float>(settings.threshold);
  } else if (gallery.threshold() && gallery.metric() == rule.metric) {
    rule.threshold = gallery.threshold();
  } else if (!model.far_table.empty() && model.metric == rule.metric) {
    // Vectors, not people: of LFW's people with three photographs each two to three times as many strangers
    // were given a name as asked for when people were counted, and 0.7 to 1.5 times as many with vectors.
    const std::size_t vectors = std::max<std::size_t>(gallery.vectors(), 1);
    rule.threshold = model.far_table.threshold(settings.far, vectors);
  } else if (model.metric == rule.metric) {
    rule.threshold = model.threshold;
  }
  return rule;
}

std::optional<double> false_name_rate(const MatchOptions& rule, const ModelInfo& model,
                                      const Gallery& gallery) {
  if (gallery.vectors() == 0) return 0;
  if (!rule.threshold) return 1;
  if (model.far_table.empty() || model.metric != rule.metric) return std::nullopt;
  return model.far_table.rate(*rule.threshold, gallery.vectors());
}

}  // namespace embed
