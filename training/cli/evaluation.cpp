// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/evaluation.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <numeric>

#include "cli/embed_set.h"
#include "command_line/progress.h"
#include "data/batch_sampler.h"
#include "embed/error.h"
#include "embed/safetensors.h"
#include "measure/identification.h"

namespace training::cli {

namespace {

using Json = nlohmann::ordered_json;
using embed::Error;
using embed::ErrorCode;

/// Side of the box that stands for a face that was not found, a fraction of the picture's shorter side.
constexpr float kCentreBox = 0.6F;

/// "0.001" as people write it, whatever the double's last digits are.
std::string rate_text(double rate) {
  return Json(rate).dump();
}

}  // namespace

std::vector<double> rates(const EvaluationSettings& settings) {
  std::vector<double> all(std::begin(kUsualRates), std::end(kUsualRates));
  if (settings.far && std::find(all.begin(), all.end(), *settings.far) == all.end())
    all.push_back(*settings.far);
  return all;
}

void add_roc(const Roc& roc, Json& result) {
  result["genuine_pairs"] = roc.genuine;
  result["impostor_pairs"] = roc.impostor;
  result["auc"] = roc.auc;
  result["eer"] = roc.eer;
  result["eer_threshold"] = roc.eer_threshold;
  result["accuracy_best_threshold"] = roc.best_accuracy;
  result["best_threshold"] = roc.best_threshold;
  for (const Roc::Point& point : roc.tar_at_far) {
    // A rate finer than one impostor pair cannot be measured: no figure rather than a flattering one.
    const bool measurable = roc.measurable(point);
    result["tar_at_far"][rate_text(point.far)] = measurable ? Json(point.tar) : Json(nullptr);
    result["threshold_at_far"][rate_text(point.far)] = measurable ? Json(point.threshold) : Json(nullptr);
  }
}

void add_intervals(std::vector<SampledPair> pairs, std::size_t units, std::optional<float> threshold,
                   const EvaluationSettings& settings, Json& result) {
  if (settings.resamples == 0) return;
  const std::vector<double> fars = rates(settings);
  const auto impostors = static_cast<double>(
      std::count_if(pairs.begin(), pairs.end(), [](const SampledPair& pair) { return !pair.genuine; }));
  const VerificationIntervals found =
      bootstrap(std::move(pairs), units, threshold.value_or(0), fars, settings.resamples);
  const auto json = [](const Interval& interval) { return Json{interval.low, interval.high}; };
  Json& out = result["intervals_95"];
  out["resamples"] = found.resamples;
  out["auc"] = json(found.auc);
  out["eer"] = json(found.eer);
  if (threshold) out["accuracy"] = json(found.accuracy);
  for (std::size_t i = 0; i < fars.size(); ++i) {
    if (fars[i] * impostors >= 1) out["tar_at_far"][rate_text(fars[i])] = json(found.tar[i]);
  }
}

double accuracy_at(const std::vector<float>& genuine, const std::vector<float>& impostor, float threshold) {
  const auto accepted = [&](float d) { return d <= threshold; };
  const auto right = std::count_if(genuine.begin(), genuine.end(), accepted) +
                     static_cast<std::ptrdiff_t>(impostor.size()) -
                     std::count_if(impostor.begin(), impostor.end(), accepted);
  return static_cast<double>(right) / static_cast<double>(genuine.size() + impostor.size());
}

namespace {

void add_identification(const LabelledEmbeddings& set, embed::Metric metric, Json& result) {
  const Retrieval found = retrieval(set, metric);
  result["precision_at_1"] = found.precision_at_1;
  result["r_precision"] = found.r_precision;
  result["map_at_r"] = found.map_at_r;
  for (std::size_t k = 0; k < found.ranks.size(); ++k)
    result["rank"][std::to_string(found.ranks[k])] = found.rank_rates[k];
  const auto all = static_cast<double>(found.triplets);
  result["all_triplets"] = found.triplets;
  result["all_triplets_accuracy"] = static_cast<double>(found.triplets_correct) / all;
  result["all_triplets_accuracy_strict"] = static_cast<double>(found.triplets_strict) / all;
  std::map<std::int64_t, std::size_t> sizes;
  for (const std::int64_t label : set.labels) ++sizes[label];
  if (std::count_if(sizes.begin(), sizes.end(), [](const auto& entry) { return entry.second > 1; }) < 2)
    return;
  const OpenSet open = open_set(set, metric);
  Json& out = result["open_set"];
  out = {{"enrolled", open.enrolled},
         {"known_probes", open.known_probes},
         {"unknown_probes", open.unknown_probes}};
  for (const OpenSet::Point& point : open.points) {
    const bool measurable = point.far * static_cast<double>(open.unknown_probes) >= 1;
    out["identified_at_far"][rate_text(point.far)] = measurable ? Json(point.rate) : Json(nullptr);
  }
}

void add_naming(const LabelledEmbeddings& set, const embed::ModelInfo& model,
                const EvaluationSettings& settings, Json& result) {
  if (!settings.naming) return;
  const NamingPlan& plan = *settings.naming;
  const Naming found = naming(set, settings.metric, plan,
                              settings.metric == model.metric ? model.far_table : embed::FarTable());
  const auto json = [](const NamingRates& rates) {
    return Json{{"right", rates.right}, {"wrong", rates.wrong}, {"strangers_named", rates.strangers}};
  };
  Json& out = result["identification"];
  out = {{"people", plan.people},  {"photographs", plan.photographs},
         {"probes", found.probes}, {"strangers", found.strangers},
         {"draws", plan.draws},    {"at_1_percent_of_strangers", json(found.at_one_percent)}};
  for (const Naming::Point& point : found.by_rule) out["by_far"][rate_text(point.far)] = json(point.rates);
}

/// `embeddings` F32 [N, 128] and `labels` I64 [N], in the set's order, with the class names.
void write_embeddings(const std::string& path, const LabelledEmbeddings& set, const embed::Dataset& from,
                      const embed::ModelInfo& model) {
  const auto rows = static_cast<std::int64_t>(set.values.size());
  const auto view = [](embed::DType type, std::vector<std::int64_t> shape, const void* data,
                       std::size_t bytes) {
    return embed::TensorView{type, std::move(shape), static_cast<const std::uint8_t*>(data), bytes};
  };
  embed::write_safetensors(
      path,
      {{"embeddings", view(embed::DType::F32, {rows, static_cast<std::int64_t>(embed::kEmbeddingDim)},
                           set.values.data(), set.values.size() * sizeof(embed::Embedding))},
       {"labels",
        view(embed::DType::I64, {rows}, set.labels.data(), set.labels.size() * sizeof(std::int64_t))}},
      {{"kind", "tripletembed.embeddings"},
       {"version", "1"},
       {"names", nlohmann::json(from.class_names()).dump()},
       {"weights_sha256", model.sha256}});
}

/// Labels of `set` in the numbering of `names`; −1 for a class that is not there.
void renumber(LabelledEmbeddings& set, const embed::Dataset& from, const embed::Dataset& to) {
  std::map<std::string, std::int64_t> ids;
  for (std::size_t i = 0; i < to.class_names().size(); ++i)
    ids[to.class_names()[i]] = static_cast<std::int64_t>(i);
  for (std::int64_t& label : set.labels) {
    const auto found = ids.find(from.class_names()[static_cast<std::size_t>(label)]);
    label = found == ids.end() ? -1 : found->second;
  }
}

bool has_pair(const std::vector<std::int64_t>& labels) {
  std::map<std::int64_t, std::size_t> count;
  for (const std::int64_t label : labels) ++count[label];
  return count.size() > 1 &&
         std::any_of(count.begin(), count.end(), [](const auto& entry) { return entry.second > 1; });
}

std::vector<float> distances_of(const PairList& list, const std::vector<embed::Embedding>& embeddings,
                                embed::Metric metric) {
  std::vector<float> distances;
  for (const PairList::Pair& pair : list.pairs)
    distances.push_back(embed::distance(metric, embeddings[pair.first], embeddings[pair.second]));
  return distances;
}

void split(const PairList& list, const std::vector<float>& distances, std::vector<float>& genuine,
           std::vector<float>& impostor) {
  for (std::size_t i = 0; i < list.pairs.size(); ++i) {
    (list.pairs[i].same ? genuine : impostor).push_back(distances[i]);
  }
}

/// Each fold is decided with the threshold that is best on the others (LFW's view 2).
void add_folds(const PairList& list, const std::vector<float>& distances, Json& result) {
  std::vector<double> accuracies;
  for (std::size_t fold = 0; fold < list.folds; ++fold) {
    std::vector<float> genuine, impostor, fold_genuine, fold_impostor;
    for (std::size_t i = 0; i < list.pairs.size(); ++i) {
      const bool here = list.pairs[i].fold == fold;
      const bool same = list.pairs[i].same;
      (here ? (same ? fold_genuine : fold_impostor) : (same ? genuine : impostor)).push_back(distances[i]);
    }
    accuracies.push_back(accuracy_at(fold_genuine, fold_impostor, roc(genuine, impostor).best_threshold));
  }
  const auto folds = static_cast<double>(accuracies.size());
  const double mean = std::accumulate(accuracies.begin(), accuracies.end(), 0.0) / folds;
  double squares = 0;
  for (const double accuracy : accuracies) squares += (accuracy - mean) * (accuracy - mean);
  result["accuracy"] = mean;
  result["accuracy_standard_error"] = std::sqrt(squares / (folds - 1)) / std::sqrt(folds);
  result["threshold_from"] = "the other folds";
  result["fold_accuracies"] = accuracies;
}

}  // namespace

Json evaluate_dataset(const Network& embedder, const embed::Dataset& set, const embed::Dataset* gallery,
                      const EvaluationSettings& settings) {
  LabelledEmbeddings embedded = embed_dataset(embedder, set, settings.flip);
  if (!settings.embeddings.empty()) write_embeddings(settings.embeddings, embedded, set, embedder.info());
  Json result = {{"images", set.size()}, {"identities", set.class_names().size()}};
  if (has_pair(embedded.labels)) {
    const auto [genuine, impostor] = all_pairs(embedded, settings.metric, settings.most_impostors);
    add_roc(roc(genuine, impostor, rates(settings)), result);
    const embed::ModelInfo& model = embedder.info();
    std::optional<float> threshold = settings.threshold;
    if (!threshold && settings.metric == model.metric) threshold = model.threshold;
    if (threshold) {
      result["threshold"] = *threshold;
      result["accuracy"] = accuracy_at(genuine, impostor, *threshold);
    }
    std::vector<Triplet> frozen;
    for (const TripletIndices& one : note_triplets(embedded.labels, set.class_names().size(), kTripletSeed)) {
      frozen.push_back({one.anchor, one.positive, one.negative});
    }
    const TripletAccuracy triplets = triplet_accuracy(embedded, frozen, settings.metric);
    result["triplet_accuracy"] = triplets.rate();
    result["triplet_accuracy_strict"] = triplets.strict_rate();
    result["triplets_correct"] = triplets.correct;
    result["triplets"] = triplets.all;
    result["spread"] = triplets.spread;
    add_identification(embedded, settings.metric, result);
    add_naming(embedded, model, settings, result);
    if (settings.resamples > 0) {
      // Without the accuracy: the sample has other shares of the two kinds than the whole.
      add_intervals(sampled_pairs(embedded, settings.metric, kResampledImpostors), set.class_names().size(),
                    std::nullopt, settings, result);
    }
  }
  if (gallery != nullptr) {
    const LabelledEmbeddings known = embed_dataset(embedder, *gallery, settings.flip);
    renumber(embedded, set, *gallery);
    result["nearest_accuracy"] = nearest_accuracy(known, embedded, settings.metric);
    result["nearest_from"] = "gallery";
  } else if (has_pair(embedded.labels)) {
    result["nearest_accuracy"] = leave_one_out_accuracy(embedded, settings.metric);
    result["nearest_from"] = "leave-one-out";
  } else {
    throw Error(
        ErrorCode::InvalidArgument,
        "nothing to measure: two identities, one of them with two images, expected (or --gallery-data)",
        set.path());
  }
  return result;
}

PairDistances embed_pairs(const Network& embedder, const PairList& list, const std::string& root,
                          pictures::FaceCropper& cropper, const EvaluationSettings& settings) {
  PairDistances result;
  result.images = list.images.size();
  std::vector<embed::Embedding> embeddings;
  {
    command_line::Progress progress("embedding", list.images.size());
    for (const std::string& image : list.images) {
      const pictures::Picture picture = cropper.load(picture_of(root, image));
      const std::vector<pictures::FoundFace> faces = cropper.find(picture.view(), /*still=*/true);
      if (faces.empty()) ++result.no_face;
      const pictures::FoundFace face =
          faces.empty() ? pictures::FoundFace{pictures::centre_box(picture.view(), kCentreBox), 0}
                        : pictures::main_face(faces, picture.view());
      std::vector<std::uint8_t> crop;
      cropper.cut(picture.view(), face, crop);
      embeddings.push_back(embed_crops(embedder, crop, settings.flip).front());
      progress.step();
    }
  }
  result.values = distances_of(list, embeddings, settings.metric);
  return result;
}

namespace {

/// Finds a list's images in a packed set: as the set names their sources, else by person and file, else by
/// person and file whatever its ending.
class PackedNames {
 public:
  explicit PackedNames(const embed::Dataset& set) : set_(set) {
    for (std::size_t i = 0; i < set.size(); ++i) {
      rows_[by_person(set.source(i)).generic_string()] = i;
      without_ending_.emplace(by_person(set.source(i)).replace_extension().generic_string(), i);
    }
    for (std::size_t i = 0; i < set.size(); ++i) rows_[set.source(i)] = i;
  }

  std::size_t row_of(const std::string& image) const {
    const auto named = rows_.find(image);
    if (named != rows_.end()) return named->second;
    const auto other = without_ending_.find(by_person(image).replace_extension().generic_string());
    if (other != without_ending_.end()) return other->second;
    throw Error(ErrorCode::NotFound, "holds no picture from '" + image + "'", set_.path());
  }

 private:
  static std::filesystem::path by_person(const std::filesystem::path& source) {
    return source.parent_path().filename() / source.filename();
  }

  const embed::Dataset& set_;
  std::map<std::string, std::size_t> rows_, without_ending_;
};

}  // namespace

PairDistances embed_packed_pairs(const Network& embedder, const PairList& list, const embed::Dataset& set,
                                 const EvaluationSettings& settings) {
  const PackedNames names(set);
  const PackedPictures all = pictures_of(set);
  PackedPictures wanted = all;
  wanted.images.clear();
  for (const std::string& image : list.images) wanted.images.push_back(all.images[names.row_of(image)]);
  PairDistances result;
  result.images = list.images.size();
  result.values = distances_of(list, embed_pictures(embedder, wanted, settings.flip), settings.metric);
  return result;
}

float best_threshold(const PairList& list, const PairDistances& distances) {
  std::vector<float> genuine, impostor;
  split(list, distances.values, genuine, impostor);
  return roc(std::move(genuine), std::move(impostor)).best_threshold;
}

Json evaluate_pairs(const PairList& list, const PairDistances& distances, std::optional<float> threshold,
                    const EvaluationSettings& settings, const embed::ModelInfo& model) {
  std::vector<float> genuine, impostor;
  split(list, distances.values, genuine, impostor);
  const Roc curve = roc(genuine, impostor, rates(settings));
  Json result = {
      {"images", distances.images}, {"images_without_face", distances.no_face}, {"pairs", list.pairs.size()}};
  if (list.folds > 1 && !threshold && !settings.threshold) {
    add_folds(list, distances.values, result);
  } else {
    const char* from =
        threshold ? "the threshold pairs" : (settings.threshold ? "the command line" : "these pairs");
    if (!threshold) threshold = settings.threshold ? *settings.threshold : curve.best_threshold;
    result["accuracy"] = accuracy_at(genuine, impostor, *threshold);
    result["threshold"] = *threshold;
    result["threshold_from"] = from;
  }
  if (model.threshold && settings.metric == model.metric) {
    result["accuracy_calibrated_threshold"] = accuracy_at(genuine, impostor, *model.threshold);
    result["calibrated_threshold"] = *model.threshold;
  }
  add_roc(curve, result);
  std::vector<SampledPair> pairs;
  for (std::size_t i = 0; i < list.pairs.size(); ++i) {
    const auto unit = static_cast<std::uint32_t>(i);
    pairs.push_back({distances.values[i], list.pairs[i].same, unit, unit});
  }
  add_intervals(std::move(pairs), list.pairs.size(), threshold, settings, result);
  return result;
}

}  // namespace training::cli
