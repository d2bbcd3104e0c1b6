// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gallery/threshold.h"

#include "embed/default_weights.h"
#include "embed/error.h"
#include "embed/match_rule.h"
#include "embed/safetensors.h"

namespace gallery_tool {

namespace {

[[noreturn]] void no_threshold(const std::string& why) {
  throw embed::Error(embed::ErrorCode::NotFound, "the gallery has no threshold of its own, and " + why +
                                                     "; --threshold DISTANCE or --weights FILE expected");
}

/// The weights' file that says the threshold.
std::string weights_file(const ThresholdOptions& options) {
  if (!options.weights.empty()) return options.weights;
  try {
    return embed::default_weights("--weights");
  } catch (const embed::Error& error) {
    if (error.code() != embed::ErrorCode::NotFound) throw;
    no_threshold("there are no default weights");
  }
}

embed::ModelInfo model_of(const ThresholdOptions& options, const embed::Gallery& gallery) {
  const std::string path = weights_file(options);
  const embed::SafetensorsFile file(path, embed::Contents::Header);
  embed::ModelInfo model = embed::model_info_from_metadata(file.metadata(), path);
  if (gallery.weights_sha256().empty() || embed::weights_sha256(file, model) == gallery.weights_sha256())
    return model;
  if (options.weights.empty()) no_threshold("it was made with other weights than the default ones");
  throw embed::Error(embed::ErrorCode::Mismatch, "the gallery was made with other weights", path);
}

}  // namespace

void add_threshold(CLI::App& command, ThresholdOptions& options) {
  command
      .add_option("--threshold", options.threshold,
                  "The distance beyond which a face is unknown; the gallery's or the weights' unless given")
      ->check(CLI::Range(0.0, 1e6));
  command
      .add_option("--far", options.far,
                  "The chance that a stranger is given any name, for the weights' table")
      ->capture_default_str()
      ->check(CLI::Range(1e-9, 0.5));
  command
      .add_option("--weights", options.weights,
                  "The weights that the gallery was made with; the default ones unless given")
      ->type_name("FILE");
}

float threshold_of(const ThresholdOptions& options, const embed::Gallery& gallery) {
  embed::MatchSettings settings;
  settings.threshold = options.threshold;
  settings.far = options.far;
  settings.metric = embed::to_string(gallery.metric());
  embed::ModelInfo model;
  model.metric = gallery.metric();
  const bool known = options.threshold >= 0 || gallery.threshold().has_value();
  if (!known || !options.weights.empty()) model = model_of(options, gallery);
  const embed::MatchOptions rule = embed::match_rule(settings, model, gallery);
  if (!rule.threshold) no_threshold("the weights have none for its metric");
  return *rule.threshold;
}

}  // namespace gallery_tool
