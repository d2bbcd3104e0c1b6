// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "cli/network.h"
#include "cli/pair_list.h"
#include "embed/dataset.h"
#include "measure/bootstrap.h"
#include "measure/naming.h"
#include "pictures/face_cropper.h"

/// What `triplet-train evaluate` measures; each function returns the part of the JSON object that it knows.
namespace training::cli {

struct EvaluationSettings {
  embed::Metric metric = embed::Metric::Cosine;
  std::optional<float> threshold;  ///< The user's.
  std::optional<double> far;       ///< A false-accept rate to report beside the usual ones.
  bool flip = false;
  std::size_t most_impostors = 20'000'000;
  std::string embeddings;     ///< A safetensors file to write the set's embeddings to; empty: none.
  std::size_t resamples = 0;  ///< Of the bootstrap; 0: no intervals.
  std::optional<NamingPlan> naming;
};

/// The list of triplets is frozen, so that two networks answer the same questions.
constexpr std::uint64_t kTripletSeed = 1;
/// Impostor pairs that are resampled: enough for rates down to 1e-3.
constexpr std::size_t kResampledImpostors = 400'000;

constexpr double kUsualRates[] = {1e-1, 1e-2, 1e-3, 1e-4, 1e-5};
/// The usual false-accept rates, and the one asked for.
std::vector<double> rates(const EvaluationSettings& settings);
/// Share of right decisions at one threshold.
double accuracy_at(const std::vector<float>& genuine, const std::vector<float>& impostor, float threshold);
/// Each adds its numbers to the object.
void add_roc(const Roc& roc, nlohmann::ordered_json& result);
void add_intervals(std::vector<SampledPair> pairs, std::size_t units, std::optional<float> threshold,
                   const EvaluationSettings& settings, nlohmann::ordered_json& result);

/// Verification of all pairs, triplets and nearest neighbours of a packed set. With `gallery` (may be null)
/// the neighbours come from there, classes matched by name.
nlohmann::ordered_json evaluate_dataset(const Network& embedder, const embed::Dataset& set,
                                        const embed::Dataset* gallery, const EvaluationSettings& settings);

/// The distances of a list of pairs.
struct PairDistances {
  std::vector<float> values;  ///< In the order of PairList::pairs.
  std::size_t images = 0, no_face = 0;
};
PairDistances embed_pairs(const Network& embedder, const PairList& list, const std::string& root,
                          pictures::FaceCropper& cropper, const EvaluationSettings& settings);
/// The same of pictures that were packed, found by the last two parts of their sources, NAME/NAME_0001.jpg.
/// Throws embed::Error(NotFound) for one that is not there, Error(Mismatch) as embed_dataset does.
PairDistances embed_packed_pairs(const Network& embedder, const PairList& list, const embed::Dataset& set,
                                 const EvaluationSettings& settings);

/// Verification of a list of pairs. `threshold` is where it was chosen on other pairs (--threshold-pairs).
nlohmann::ordered_json evaluate_pairs(const PairList& list, const PairDistances& distances,
                                      std::optional<float> threshold, const EvaluationSettings& settings,
                                      const embed::ModelInfo& model);

/// The threshold with the most right decisions on a list of pairs.
float best_threshold(const PairList& list, const PairDistances& distances);

}  // namespace training::cli
