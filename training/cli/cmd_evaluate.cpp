// SPDX-License-Identifier: LGPL-2.1-or-later
// triplet-train evaluate: how well a network tells identities apart.
#include <cstdio>
#include <filesystem>

#include "cli/commands.h"
#include "cli/console.h"
#include "cli/cross_evaluation.h"
#include "cli/evaluation.h"
#include "command_line/table_flags.h"
#include "data/run_checks.h"
#include "data/training_set.h"
#include "embed/error.h"
#include "embed/match_rule.h"
#include "embed/safetensors.h"

namespace training::cli {

namespace {

using Json = nlohmann::ordered_json;
using embed::Error;
using embed::ErrorCode;

struct EvaluateOptions {
  std::string weights, data, other_weights, other_data, gallery_data, pairs, images, threshold_pairs;
  double far = 0.001, threshold = -1;
  std::size_t most_impostors = 20'000'000;
  std::string embeddings;
  std::size_t resamples = 0, fold = 0, cross_validate = 0;
  std::vector<std::size_t> identification;  // People, photographs of each; or empty.
  bool flip = false, calibrate = false, json = false;
  command_line::TableFlags embedder, detector, match;
};

/// File names are whatever the file system holds, which need not be UTF-8; JSON is.
std::string text_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

PairList pairs_of(const EvaluateOptions& options) {
  PairList list = read_pairs(options.pairs);
  if (options.fold != 0) list = one_fold(list, options.fold);
  if (options.cross_validate != 0) list = in_folds(std::move(list), options.cross_validate);
  return list;
}

Json over_pairs(const EvaluateOptions& options, const PairList& list, const Network& embedder,
                const EvaluationSettings& settings) {
  std::optional<embed::Dataset> packed;
  std::optional<pictures::FaceCropper> cropper;
  if (std::filesystem::is_regular_file(options.images)) {
    packed.emplace(options.images);
  } else {
    cropper.emplace(embedder.info().input, options.detector);
  }
  const auto distances_of = [&](const PairList& pairs) {
    return packed ? embed_packed_pairs(embedder, pairs, *packed, settings)
                  : embed_pairs(embedder, pairs, options.images, *cropper, settings);
  };
  std::optional<float> threshold;
  if (!options.threshold_pairs.empty()) {
    const PairList other = read_pairs(options.threshold_pairs);
    threshold = best_threshold(other, distances_of(other));
  }
  Json result = evaluate_pairs(list, distances_of(list), threshold, settings, embedder.info());
  result["pair_list"] = std::filesystem::path(options.pairs).filename().string();
  if (options.fold != 0) result["fold"] = options.fold;
  return result;
}

/// The usual rates that enough comparisons stand behind; empty where there are none.
embed::FarTable far_table(const Json& result) {
  constexpr double kFewest = 10;
  const auto comparisons = result["impostor_pairs"].get<std::uint64_t>();
  std::vector<embed::FarTable::Point> points;
  for (const double rate : kUsualRates) {
    const Json& threshold = result["threshold_at_far"][Json(rate).dump()];
    if (threshold.is_null() || rate * static_cast<double>(comparisons) < kFewest) continue;
    points.push_back({rate, threshold.get<float>()});
  }
  if (points.size() < 2) return {};
  return {std::move(points), comparisons};
}

/// Puts thresholds and evaluation into a weights file; tensors stay as they are.
void write_threshold(const std::string& weights, float threshold, double far, const embed::FarTable& table,
                     const Json& result) {
  const embed::SafetensorsFile file(weights);
  file.require_kind("tripletembed.weights", 1);
  std::map<std::string, std::string> metadata = file.metadata();
  embed::ModelInfo info = embed::model_info_from_metadata(metadata, weights);
  info.threshold = threshold;
  info.threshold_far = static_cast<float>(far);
  info.far_table = table;
  info.evaluation = text_of(result);
  for (const auto& [key, value] : embed::to_metadata(info)) metadata[key] = value;
  embed::write_safetensors(weights, file.tensors(), metadata);
}

/// Puts the threshold at that false-accept rate, and the evaluation, into the weights file, or into both.
void write_calibration(const EvaluateOptions& options, Json& result) {
  // A set without two pictures of anybody has no pairs at all.
  const auto people = result["identities"].get<std::size_t>(),
             pairs = result.value("impostor_pairs", std::size_t{0});
  if (!enough_to_calibrate(student_input(embed::Dataset(options.data)), people, pairs)) {
    throw Error(ErrorCode::InvalidArgument,
                "a threshold from " + std::to_string(pairs) + " pairs of different people, of " +
                    std::to_string(people) +
                    " people, would be chance: " + std::to_string(kFewestImpostorPairs) + " pairs of " +
                    std::to_string(kFewestPeople) + " people expected; the weights keep the one they have",
                options.data);
  }
  const std::string rate = Json(options.far).dump();
  if (!result.contains("threshold_at_far") || result["threshold_at_far"][rate].is_null()) {
    throw Error(ErrorCode::InvalidArgument,
                "too few impostor pairs to find the threshold at a false-accept rate of " + rate,
                options.data);
  }
  const auto threshold = result["threshold_at_far"][rate].get<float>();
  if (!(threshold > 0)) {
    throw Error(
        ErrorCode::InvalidArgument,
        "no threshold has a false-accept rate of " + rate + ": pairs of different people have distance 0",
        options.weights);
  }
  result["calibrated_threshold"] = threshold;
  result["calibrated_far"] = options.far;
  const embed::FarTable table = far_table(result);
  write_threshold(options.weights, threshold, options.far, table, result);
  if (!options.other_weights.empty())
    write_threshold(options.other_weights, threshold, options.far, table, result);
}

/// --other-data: across two kinds of picture, the second through --other-weights or through the same network.
Json across_kinds(const EvaluateOptions& options, const Network& embedder, const embed::Dataset& set,
                  const EvaluationSettings& settings) {
  const embed::Dataset other_set(options.other_data);
  std::optional<Network> other;
  Json result = {{"other_data", std::filesystem::path(options.other_data).filename().string()}};
  if (!options.other_weights.empty()) {
    other.emplace(options.other_weights, command_line::embedder_options(options.embedder));
    if (options.match.text("metric") == "auto" && other->info().metric != embedder.info().metric) {
      throw Error(ErrorCode::Mismatch,
                  std::string("was made for the distance ") + embed::to_string(other->info().metric) + ", " +
                      options.weights + " for " + embed::to_string(embedder.info().metric) +
                      ": --metric chooses one",
                  options.other_weights, "metric");
    }
    result["other_weights"] = std::filesystem::path(options.other_weights).filename().string();
    result["other_weights_sha256"] = other->info().sha256;
  }
  result["towers"] = other ? "separate" : "shared";
  result.update(evaluate_across({embedder, set}, {other ? *other : embedder, other_set}, settings));
  return result;
}

/// "97.5 %"
std::string percent(double share) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.3g %%", 100 * share);
  return text;
}

/// What the numbers mean, in two sentences.
void print_words(const Json& result) {
  if (result.contains("auc")) {
    print(
        "Two pictures of one person are nearer to each other than two of different people in %s of cases.\n",
        percent(result["auc"].get<double>()).c_str());
  }
  if (result.contains("identification")) {
    const Json& all = result["identification"];
    const Json& rates = all["at_1_percent_of_strangers"];
    print(
        "Of %zu people enrolled with %zu pictures each, %s of other pictures are named right and %s wrong "
        "where 1 "
        "of 100 strangers is named.\n",
        all["people"].get<std::size_t>(), all["photographs"].get<std::size_t>(),
        percent(rates["right"].get<double>()).c_str(), percent(rates["wrong"].get<double>()).c_str());
  } else if (result.contains("tar_at_far") && !result["tar_at_far"]["0.01"].is_null()) {
    print(
        "Where 1 of 100 pairs of different people is taken for one person, %s of the pairs of one person are "
        "recognised.\n",
        percent(result["tar_at_far"]["0.01"].get<double>()).c_str());
  } else if (result.contains("nearest_accuracy")) {
    print("The nearest other picture is of the same person in %s of cases.\n",
          percent(result["nearest_accuracy"].get<double>()).c_str());
  }
  print("\n");
}

/// Four digits say all that so few pictures can.
std::string rounded(const Json& value) {
  if (!value.is_number_float()) return value.dump();
  char text[32];
  std::snprintf(text, sizeof(text), "%.4g", value.get<double>());
  return text;
}

void print_table(const Json& result, const std::string& indent = "") {
  for (const auto& [key, value] : result.items()) {
    if (value.is_object()) {
      print("%s%s\n", indent.c_str(), key.c_str());
      print_table(value, indent + "  ");
    } else {
      const std::string text = value.is_string() ? value.get<std::string>()
                               : value.is_null() ? "-"
                                                 : rounded(value);
      print("%s%-*s %s\n", indent.c_str(), static_cast<int>(32 - indent.size()), key.c_str(), text.c_str());
    }
  }
}

int finish(const EvaluateOptions& options, Json& result) {
  if (options.calibrate) write_calibration(options, result);
  if (options.json) {
    print("%s\n", text_of(result).c_str());
  } else {
    print_words(result);
    print_table(result);
  }
  return 0;
}

int evaluate(const EvaluateOptions& options) {
  if (options.calibrate && (options.data.empty() || options.match.text("metric") != "auto" || options.flip)) {
    throw Error(ErrorCode::InvalidArgument,
                "--calibrate needs --data, and is for what the stream does: without --flip and --metric");
  }
  require_no_input(options.embeddings, {options.weights, options.data, options.other_weights,
                                        options.other_data, options.gallery_data});
  std::optional<PairList> pairs;  // A list that is no list is told before the network is loaded.
  if (options.data.empty()) pairs = pairs_of(options);
  const Network embedder(options.weights, command_line::embedder_options(options.embedder));
  EvaluationSettings settings;
  settings.metric = embed::metric_of(options.match.text("metric"), embedder.info());
  if (options.threshold >= 0) settings.threshold = static_cast<float>(options.threshold);
  settings.far = options.far;
  settings.flip = options.flip;
  settings.embeddings = options.embeddings;
  settings.resamples = options.resamples;
  settings.most_impostors = options.most_impostors;
  if (!options.identification.empty()) {
    settings.naming.emplace();
    settings.naming->people = options.identification[0];
    settings.naming->photographs = options.identification[1];
  }

  Json result = {{"weights", std::filesystem::path(options.weights).filename().string()},
                 {"weights_sha256", embedder.info().sha256},
                 {"metric", embed::to_string(settings.metric)},
                 {"flip", settings.flip}};
  if (!options.data.empty()) {
    const embed::Dataset set(options.data);
    result["data"] = std::filesystem::path(options.data).filename().string();
    if (!options.other_data.empty()) {
      result.update(across_kinds(options, embedder, set, settings));
      return finish(options, result);
    }
    std::optional<embed::Dataset> gallery;
    if (!options.gallery_data.empty()) {
      gallery.emplace(options.gallery_data);
      result["gallery_data"] = std::filesystem::path(options.gallery_data).filename().string();
    }
    result.update(evaluate_dataset(embedder, set, gallery ? &*gallery : nullptr, settings));
  } else {
    result.update(over_pairs(options, *pairs, embedder, settings));
  }
  return finish(options, result);
}

}  // namespace

void add_evaluate(CLI::App& app, Action& action) {
  auto options = std::make_shared<EvaluateOptions>();
  CLI::App* command =
      app.add_subcommand("evaluate", "Measures how well weights tell identities apart; calibrates");
  command_line::add_weights(*command, options->weights);
  auto* data =
      command->add_option("--data", options->data, "Packed data set: all its pairs, triplets and neighbours")
          ->type_name("SET");
  auto* pairs =
      command
          ->add_option("--pairs", options->pairs,
                       "List of pairs in the format of LFW, view 1 or 2, or of lines `path1 path2 1`")
          ->type_name("LIST")
          ->excludes(data);
  auto* images = command
                     ->add_option("--images", options->images,
                                  "Where NAME/NAME_0001.jpg (or .png, …), or the paths, of --pairs are: a "
                                  "folder, or a packed set")
                     ->type_name("ROOT|SET")
                     ->needs(pairs);
  pairs->needs(images);
  auto* other_data =
      command
          ->add_option("--other-data", options->other_data,
                       "Packed set of a second kind of picture: everything is measured across, each image of "
                       "--data against each of these; identities are matched by name")
          ->type_name("SET")
          ->needs(data);
  command
      ->add_option("--other-weights", options->other_weights,
                   "The second kind's network (train --towers separate); default --weights for both")
      ->type_name("FILE")
      ->needs(other_data);
  command
      ->add_option("--gallery-data", options->gallery_data,
                   "Nearest neighbours from this packed set; without it every image's come from the others")
      ->type_name("SET")
      ->needs(data)
      ->excludes(other_data);
  auto* threshold_pairs = command
                              ->add_option("--threshold-pairs", options->threshold_pairs,
                                           "Choose the threshold on this other list of pairs")
                              ->type_name("LIST")
                              ->needs(pairs);
  command
      ->add_option(
          "--cross-validate", options->cross_validate,
          "Deal --pairs out to so many parts, and decide each at the threshold that is best on the others")
      ->type_name("N")
      ->check(CLI::Range(std::size_t{2}, std::size_t{1000}))
      ->needs(pairs)
      ->excludes(threshold_pairs);
  command->add_option("--fold", options->fold, "Only this fold of --pairs, counted from 1")
      ->type_name("N")
      ->check(CLI::Range(std::size_t{1}, std::size_t{10000000}))
      ->needs(pairs);
  command
      ->add_option("--identification", options->identification,
                   "Enrol so many people with so many pictures each, and count who is named among three "
                   "others of each and 300 strangers: means over 20 seeded draws")
      ->type_name("PEOPLE PICTURES")
      ->expected(2)
      ->check(CLI::Range(std::size_t{1}, std::size_t{1000000}))
      ->needs(data)
      ->excludes(other_data);
  command->add_flag("--flip", options->flip,
                    "Embed each face as the mean of its own and its mirror image's embedding");
  for (const embed::OptionSpec& spec : embed::kMatchOptions) {
    if (std::string(spec.name) == "metric") options->match.add_one(*command, spec, "Options");
  }
  command
      ->add_option("--threshold", options->threshold,
                   "Accept pairs up to this distance; default the weights' own")
      ->check(CLI::Range(0.0, 1e6));
  command->add_option("--far", options->far, "False-accept rate to calibrate to, and to report")
      ->capture_default_str()
      ->check(CLI::Range(1e-9, 1.0));
  command->add_flag("--calibrate", options->calibrate,
                    "Write the threshold at --far on --data, and the evaluation, into the weights file");
  command->add_option("--impostors", options->most_impostors, "At most so many pairs of different identities")
      ->capture_default_str()
      ->check(CLI::Range(std::size_t{1}, std::size_t{1000000000}));
  command
      ->add_option(
          "--bootstrap", options->resamples,
          "95 % intervals from so many resamples, of identities (--data) or pairs (--pairs); 0: none")
      ->capture_default_str()
      ->check(CLI::Range(0, 1000000));
  command
      ->add_option("--embeddings", options->embeddings,
                   "Write the set's embeddings and labels there, for other programs")
      ->type_name("FILE.safetensors")
      ->needs(data)
      ->excludes(other_data);
  command->add_flag("--json", options->json, "One JSON object on the standard output");
  options->embedder.add(*command, embed::kEmbedderOptions, "Running the network");
  options->detector.add(*command, embed::kDetectorOptions, "Face detection (--pairs)");
  options->detector.add(*command, embed::kPictureOptions, "Face detection (--pairs)");
  command->footer(
      "accuracy: with --pairs at the threshold of --threshold-pairs, else of --threshold, else (pairs.txt, "
      "ten folds)\n"
      "the one chosen on the other folds, else the best for these very pairs; threshold_from says which. "
      "With --data at\n"
      "the weights' calibrated threshold. A tar_at_far of null: too few pairs to measure that rate.\n"
      "Calibration writes the thresholds of all usual rates, from which the stream takes the one that fits "
      "the "
      "size of a\n"
      "gallery and the rate asked for (identify --far). It changes no embedding: galleries made before stay "
      "valid.\n\n"
      "Examples:\n"
      "  triplet-train evaluate --weights w.safetensors --data test.safetensors --gallery-data "
      "train.safetensors\n"
      "  triplet-train evaluate --weights w.safetensors --pairs pairsDevTest.txt --images lfw/ --json\n"
      "  triplet-train evaluate --weights w.safetensors --data held-out.safetensors --calibrate --far 0.001\n"
      "  triplet-train evaluate --weights photo.safetensors --data photos.safetensors --other-weights "
      "sketch.safetensors \\\n"
      "      --other-data sketches.safetensors");
  command->callback([command, options, &action] {
    if (options->data.empty() && options->pairs.empty()) throw CLI::RequiredError("--data or --pairs");
    action = [options] {
      if (options->calibrate && options->weights.empty())
        throw Error(ErrorCode::InvalidArgument,
                    "--calibrate changes the weights: name the file by --weights");
      command_line::take_default_weights(options->weights);
      return evaluate(*options);
    };
  });
}

}  // namespace training::cli
