// SPDX-License-Identifier: LGPL-2.1-or-later
// triplet-train export: weights, or what int8 runtimes ask about them, for other programs.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "commands.h"
#include "console.h"
#include "embed/dataset.h"
#include "embed/error.h"
#include "embed/safetensors.h"
#include "embed_set.h"
#include "flags.h"
#include "rng.h"
#include "run_checks.h"
#include "torch_part.h"

namespace training::cli {

namespace {

struct ExportOptions {
  std::string weights, out;
  std::string statistics;     ///< Data set to calibrate on; empty: write the ONNX model.
  std::size_t samples = 512;  ///< Pictures of it.
  std::uint64_t seed = 1;     ///< Which ones.
  bool json = false;
};

/// `count` of the set's rows, drawn without repetition, in the order in which they lie in the file.
std::vector<std::size_t> draw_rows(std::size_t size, std::size_t count, std::uint64_t seed) {
  std::vector<std::size_t> rows(size);
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  Rng(seed).shuffle(rows);
  rows.resize(std::min(size, count));
  std::sort(rows.begin(), rows.end());
  return rows;
}

int export_statistics(const ExportOptions& options) {
  embed::check_writable(options.out);
  const embed::SafetensorsFile weights(options.weights);
  const embed::ModelInfo info = embed::model_info_from_metadata(weights.metadata(), options.weights);
  const embed::Dataset set(options.statistics);
  if (set.size() == 0) throw embed::Error(embed::ErrorCode::Format, "a data set without images", set.path());
  const std::vector<std::size_t> rows = draw_rows(set.size(), options.samples, options.seed);
  const Int8Statistics statistics =
      torch_part().int8_statistics(options.weights, dataset_crops(set, info.input, rows));
  write_statistics(options.out, statistics);
  if (options.json) {
    print("%s\n", to_json(statistics).c_str());
  } else {
    print("%zu layers, %zu images; cosine of int8 to float32: mean %.5f, least %.5f\n%s\n",
          statistics.layers.size(), statistics.images, statistics.mean_cosine, statistics.least_cosine,
          options.out.c_str());
  }
  return 0;
}

int export_weights(const ExportOptions& options) {
  require_no_input(options.out, {options.weights, options.statistics});
  if (!options.statistics.empty()) return export_statistics(options);
  torch_part().export_onnx(options.weights, options.out);
  print("%s\n", options.out.c_str());
  return 0;
}

}  // namespace

void add_export(CLI::App& app, Action& action) {
  auto options = std::make_shared<ExportOptions>();
  CLI::App* command = app.add_subcommand("export", "Writes weights as an ONNX model, or their int8 scales");
  add_weights(*command, options->weights);
  command->add_option("-o,--out", options->out, "The ONNX model, or the statistics, to write")
      ->required()
      ->type_name("FILE");
  CLI::Option* statistics =
      command
          ->add_option("--statistics", options->statistics,
                       "Write the ranges and scales that int8 runtimes ask for, measured on this packed data "
                       "set, and no model")
          ->type_name("SET");
  command->add_option("--samples", options->samples, "Images of the set to measure on")
      ->capture_default_str()
      ->check(CLI::Range(std::size_t{1}, std::size_t{1} << 20U))
      ->needs(statistics);
  command->add_option("--seed", options->seed, "Which of its images")
      ->capture_default_str()
      ->needs(statistics);
  command->add_flag("--json", options->json, "Print the statistics as one JSON object")->needs(statistics);
  command->footer(
      "Input `images`: [N, channels, height, width] float32, the crop's bytes as numbers from 0 to 255, "
      "RGB;\n"
      "normalisation is part of the model. Output `embeddings`: [N, 128] float32. The crop rule, the metric "
      "and\n"
      "the threshold go along as the model's metadata.\n"
      "With --statistics the file is safetensors: docs/formats.md says what is in it.\n\n"
      "Examples:\n"
      "  triplet-train export --weights models/faces-r18.safetensors --out faces-r18.onnx\n"
      "  triplet-train export --weights models/faces-r18.safetensors --statistics faces.safetensors --out "
      "int8.safetensors");
  command->callback([options, &action] {
    action = [options] {
      take_default_weights(options->weights);
      return export_weights(*options);
    };
  });
}

}  // namespace training::cli
