// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "embed/dataset.h"
#include "embed/embedder.h"
#include "face_cropper.h"
#include "pair_list.h"

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
};

/// Verification of all pairs, triplets and nearest neighbours of a packed set. With `gallery` (may be null)
/// the neighbours come from there, classes matched by name.
nlohmann::ordered_json evaluate_dataset(const embed::Embedder& embedder, const embed::Dataset& set,
                                        const embed::Dataset* gallery, const EvaluationSettings& settings);

/// The distances of a list of pairs.
struct PairDistances {
  std::vector<float> values;  ///< In the order of PairList::pairs.
  std::size_t images = 0, no_face = 0;
};
PairDistances embed_pairs(const embed::Embedder& embedder, const PairList& list, const std::string& root,
                          FaceCropper& cropper, const EvaluationSettings& settings);

/// Verification of a list of pairs. `threshold` is where it was chosen on other pairs (--threshold-pairs).
nlohmann::ordered_json evaluate_pairs(const PairList& list, const PairDistances& distances,
                                      std::optional<float> threshold, const EvaluationSettings& settings,
                                      const embed::ModelInfo& model);

/// The threshold with the most right decisions on a list of pairs.
float best_threshold(const PairList& list, const PairDistances& distances);

}  // namespace training::cli
