// SPDX-License-Identifier: LGPL-2.1-or-later
// triplet-train whiten: weights whose embeddings vary more evenly.
#include <cstdio>

#include "cli/commands.h"
#include "cli/console.h"
#include "cli/embed_set.h"
#include "cli/network.h"
#include "cli/torch_part.h"
#include "command_line/table_flags.h"
#include "data/run_checks.h"
#include "embed/dataset.h"

namespace training::cli {

namespace {

struct WhitenOptions {
  std::string weights, data, out;
  double power = 0.2;
  command_line::TableFlags embedder;
};

int whiten(const WhitenOptions& options) {
  require_no_input(options.out, {options.weights, options.data});
  const embed::Dataset set(options.data);
  const Network embedder(options.weights, command_line::embedder_options(options.embedder));
  const LabelledEmbeddings found = embed_dataset(embedder, set, /*flip=*/false);
  torch_part().whiten_weights(options.weights, found.values, options.power, options.out);
  print("%s: by the embeddings of %zu pictures; calibrate it anew\n", options.out.c_str(),
        found.values.size());
  return 0;
}

}  // namespace

void add_whiten(CLI::App& app, Action& action) {
  auto options = std::make_shared<WhitenOptions>();
  CLI::App* command = app.add_subcommand("whiten", "Makes embeddings vary more evenly, without labels");
  command_line::add_weights(*command, options->weights)->required();
  command->add_option("--data", options->data, "Packed pictures, many; their labels are not looked at")
      ->required()
      ->type_name("SET");
  command
      ->add_option("--power", options->power,
                   "How far: 0 changes nothing, 0.5 makes all directions vary alike")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 0.5));
  command->add_option("-o,--out", options->out, "The weights file to write")->required()->type_name("FILE");
  options->embedder.add(*command, embed::kEmbedderOptions, "Running the network");
  command->footer(
      "Faces differ most along a few directions that many people share, such as age and sex; along these the "
      "embeddings are\n"
      "made smaller, along the others larger. The last layer alone changes. Thresholds are left out: "
      "evaluate "
      "--calibrate.\n\n"
      "Example:\n"
      "  triplet-train whiten --weights student.safetensors --data faces.safetensors --out "
      "whitened.safetensors");
  command->callback([options, &action] { action = [options] { return whiten(*options); }; });
}

}  // namespace training::cli
