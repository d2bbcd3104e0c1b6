// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/cross_evaluation.h"

#include <algorithm>
#include <map>
#include <set>

#include "cli/embed_set.h"
#include "data/cross_batches.h"
#include "embed/error.h"
#include "measure/cross_kind.h"

namespace training::cli {

namespace {

using Json = nlohmann::ordered_json;
using embed::Error;
using embed::ErrorCode;

/// Numbers the classes of both sets together, by name; the result is how many there are.
std::size_t number_together(const KindOfPicture& first, LabelledEmbeddings& a, const KindOfPicture& second,
                            LabelledEmbeddings& b) {
  std::map<std::string, std::int64_t> ids;
  const auto number = [&ids](const embed::Dataset& set, LabelledEmbeddings& rows) {
    for (std::int64_t& label : rows.labels) {
      const std::string& name = set.class_names()[static_cast<std::size_t>(label)];
      label = ids.emplace(name, static_cast<std::int64_t>(ids.size())).first->second;
    }
  };
  number(first.set, a);
  number(second.set, b);
  return ids.size();
}

/// The rows whose class is in `other` too: the others have no neighbour to find.
LabelledEmbeddings answerable(const LabelledEmbeddings& rows, const LabelledEmbeddings& other) {
  const std::set<std::int64_t> known(other.labels.begin(), other.labels.end());
  LabelledEmbeddings result;
  for (std::size_t i = 0; i < rows.values.size(); ++i) {
    if (known.count(rows.labels[i]) == 0) continue;
    result.values.push_back(rows.values[i]);
    result.labels.push_back(rows.labels[i]);
  }
  return result;
}

void add_triplets(const LabelledEmbeddings& a, const LabelledEmbeddings& b, std::size_t identities,
                  embed::Metric metric, Json& result) {
  const auto frozen = cross_triplets(a.labels, b.labels, identities, kTripletSeed);
  const TripletAccuracy drawn = cross_triplet_accuracy(a, b, frozen, metric);
  result["triplet_accuracy"] = drawn.rate();
  result["triplet_accuracy_strict"] = drawn.strict_rate();
  result["triplets_correct"] = drawn.correct;
  result["triplets"] = drawn.all;
  result["spread"] = drawn.spread;
  const TripletAccuracy all = all_cross_triplets(a, b, metric);
  result["all_triplets"] = all.all;
  result["all_triplets_accuracy"] = all.rate();
  result["all_triplets_accuracy_strict"] = all.strict_rate();
}

}  // namespace

Json evaluate_across(const KindOfPicture& first, const KindOfPicture& second,
                     const EvaluationSettings& settings) {
  const embed::ModelInfo& model = first.embedder.info();
  if (model.head != second.embedder.info().head) {
    throw Error(ErrorCode::Mismatch,
                std::string("has the head ") + embed::to_string(second.embedder.info().head) +
                    ", the weights of the first kind " + embed::to_string(model.head),
                second.set.path(), "head");
  }
  LabelledEmbeddings a = embed_dataset(first.embedder, first.set, settings.flip);
  LabelledEmbeddings b = embed_dataset(second.embedder, second.set, settings.flip);
  const std::size_t identities = number_together(first, a, second, b);
  std::vector<SampledPair> pairs = cross_pairs(a, b, settings.metric, settings.most_impostors);
  const auto [genuine, impostor] = split_pairs(pairs);
  if (genuine.empty() || impostor.empty()) {
    throw Error(ErrorCode::InvalidArgument,
                "nothing to measure across the kinds: an identity that " + first.set.path() +
                    " has too, and another one, expected",
                second.set.path());
  }
  Json result = {{"images", a.values.size()}, {"other_images", b.values.size()}, {"identities", identities}};
  add_roc(roc(genuine, impostor, rates(settings)), result);
  std::optional<float> threshold = settings.threshold;
  if (!threshold && settings.metric == model.metric) threshold = model.threshold;
  if (threshold) {
    result["threshold"] = *threshold;
    result["accuracy"] = accuracy_at(genuine, impostor, *threshold);
  }
  add_triplets(a, b, identities, settings.metric, result);
  result["nearest_accuracy"] = nearest_accuracy(b, answerable(a, b), settings.metric);
  result["precision_at_1"] = result["nearest_accuracy"];
  result["nearest_from"] = "the second kind";
  if (settings.resamples > 0) {
    pairs = cross_pairs(a, b, settings.metric, std::min(settings.most_impostors, kResampledImpostors));
    add_intervals(std::move(pairs), identities, std::nullopt, settings, result);
  }
  return result;
}

}  // namespace training::cli
