// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "embed/gallery.h"
#include "embed/model_info.h"

namespace embed {

/// The nearest-identity rule as a user asks for it: the values of kMatchOptions. A value type.
struct MatchSettings {
  double threshold = -1;        ///< < 0: the gallery's; if it has none, the one for `far`; else the weights'.
  double far = 0.001;           ///< Chance that a stranger is given any name.
  std::string metric = "auto";  ///< "auto" or a name that parse_metric takes.
  std::size_t k = 1;
  float margin = 0.0F;
};

/// The metric asked for. Throws Error(InvalidArgument) that lists the names.
Metric metric_of(const std::string& name, const ModelInfo& model);

/// The rule for faces that `model` embedded and this gallery. A threshold that was measured in another metric
/// than the one asked for is left out, since it would mean nothing. Throws as metric_of does.
MatchOptions match_rule(const MatchSettings& settings, const ModelInfo& model, const Gallery& gallery);

/// The chance that a stranger is given any name of this gallery by that rule, from the table of the weights;
/// an upper bound where the rule has k above 1 or a margin. 0 for a gallery of nobody, and 1 without a
/// threshold. Absent where the weights have no table, or one of another metric.
std::optional<double> false_name_rate(const MatchOptions& rule, const ModelInfo& model,
                                      const Gallery& gallery);

}  // namespace embed
