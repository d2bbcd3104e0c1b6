// SPDX-License-Identifier: LGPL-2.1-or-later
#include "measure/naming.h"

#include <algorithm>
#include <limits>
#include <map>
#include <string>

#include "base/rng.h"
#include "embed/error.h"
#include "embed/gallery.h"

namespace training {

namespace {

using embed::Error;
using embed::ErrorCode;

constexpr std::uint64_t kNamingStream = 41;

/// One draw.
struct Scene {
  embed::Gallery gallery;
  std::vector<embed::Match> known, strangers;  // Whoever is nearest, at any distance.
  std::vector<std::int64_t> owners;            // [known]: label ids in the gallery.
};

using Classes = std::map<std::int64_t, std::vector<std::size_t>>;

std::vector<embed::Match> ask(const embed::Gallery& gallery, embed::Metric metric,
                              const LabelledEmbeddings& set, const std::vector<std::size_t>& rows) {
  std::vector<embed::Embedding> queries;
  queries.reserve(rows.size());
  for (const std::size_t row : rows) queries.push_back(set.values[row]);
  embed::MatchOptions rule;
  rule.metric = metric;
  std::vector<embed::Match> found(queries.size());
  gallery.match(queries.data(), queries.size(), rule, found.data());
  return found;
}

Scene draw(const LabelledEmbeddings& set, embed::Metric metric, const Classes& classes,
           const NamingPlan& plan, std::uint64_t number) {
  Rng rng(plan.seed, {kNamingStream, number});
  std::vector<std::int64_t> candidates;
  for (const auto& [label, members] : classes) {
    if (members.size() >= plan.photographs + plan.probes) candidates.push_back(label);
  }
  rng.shuffle(candidates);
  candidates.resize(plan.people);
  std::sort(candidates.begin(), candidates.end());
  Scene scene{embed::Gallery(metric), {}, {}, {}};
  std::vector<std::size_t> known, strangers;
  for (const auto& [label, members] : classes) {
    std::vector<std::size_t> rows = members;
    rng.shuffle(rows);
    if (!std::binary_search(candidates.begin(), candidates.end(), label)) {
      strangers.push_back(rows.front());
      continue;
    }
    const auto id = static_cast<std::int64_t>(scene.gallery.names().size());
    for (std::size_t i = 0; i < plan.photographs + plan.probes; ++i) {
      if (i < plan.photographs) {
        scene.gallery.add(std::to_string(label), set.values[rows[i]]);
      } else {
        known.push_back(rows[i]);
        scene.owners.push_back(id);
      }
    }
  }
  rng.shuffle(strangers);
  strangers.resize(std::min(strangers.size(), plan.strangers));
  scene.gallery.build_means();
  scene.known = ask(scene.gallery, metric, set, known);
  scene.strangers = ask(scene.gallery, metric, set, strangers);
  return scene;
}

/// Adds what comes of one threshold.
void add(const Scene& scene, float threshold, NamingRates& rates) {
  std::size_t right = 0, wrong = 0;
  for (std::size_t i = 0; i < scene.known.size(); ++i) {
    if (scene.known[i].distance > threshold) continue;
    ++(scene.known[i].nearest_id == scene.owners[i] ? right : wrong);
  }
  rates.right += static_cast<double>(right) / static_cast<double>(scene.known.size());
  rates.wrong += static_cast<double>(wrong) / static_cast<double>(scene.known.size());
  const auto named = std::count_if(scene.strangers.begin(), scene.strangers.end(),
                                   [&](const embed::Match& match) { return match.distance <= threshold; });
  rates.strangers += static_cast<double>(named) / static_cast<double>(scene.strangers.size());
}

/// The largest threshold at which no more than that share of the strangers are named.
float threshold_at(const Scene& scene, double share) {
  std::vector<float> distances;
  for (const embed::Match& match : scene.strangers) distances.push_back(match.distance);
  std::sort(distances.begin(), distances.end());
  const auto allowed = static_cast<std::size_t>(share * static_cast<double>(distances.size()) * (1 + 1e-12));
  if (allowed >= distances.size()) return std::numeric_limits<float>::infinity();
  return std::nextafter(distances[allowed], -std::numeric_limits<float>::infinity());
}

void divide(NamingRates& rates, double by) {
  rates.right /= by;
  rates.wrong /= by;
  rates.strangers /= by;
}

}  // namespace

Naming naming(const LabelledEmbeddings& set, embed::Metric metric, const NamingPlan& plan,
              const embed::FarTable& table, const std::vector<double>& fars) {
  Classes classes;
  for (std::size_t row = 0; row < set.labels.size(); ++row) classes[set.labels[row]].push_back(row);
  const std::size_t pictures = plan.photographs + plan.probes;
  const auto enough = static_cast<std::size_t>(std::count_if(
      classes.begin(), classes.end(), [&](const auto& one) { return one.second.size() >= pictures; }));
  if (enough < plan.people || classes.size() == plan.people) {
    throw Error(ErrorCode::InvalidArgument,
                "identification of " + std::to_string(plan.people) + " people with " +
                    std::to_string(plan.photographs) + " pictures each: so many people with " +
                    std::to_string(pictures) + " pictures, and somebody else, expected; " +
                    std::to_string(enough) + " of " + std::to_string(classes.size()) +
                    " identities have as many");
  }
  Naming result;
  for (const double far : fars) {
    if (!table.empty()) result.by_rule.push_back({far, {}});
  }
  for (std::uint64_t number = 0; number < plan.draws; ++number) {
    const Scene scene = draw(set, metric, classes, plan, number);
    result.probes = scene.known.size();
    result.strangers = scene.strangers.size();
    add(scene, threshold_at(scene, 0.01), result.at_one_percent);
    for (Naming::Point& point : result.by_rule)
      add(scene, table.threshold(point.far, scene.gallery.vectors()), point.rates);
  }
  const auto draws = static_cast<double>(plan.draws);
  divide(result.at_one_percent, draws);
  for (Naming::Point& point : result.by_rule) divide(point.rates, draws);
  return result;
}

}  // namespace training
