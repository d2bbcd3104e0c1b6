// SPDX-License-Identifier: LGPL-2.1-or-later
// triplet-train export: weights for other programs.
#include <memory>
#include <string>

#include "cli/commands.h"
#include "cli/console.h"
#include "cli/torch_part.h"
#include "command_line/table_flags.h"
#include "data/run_checks.h"

namespace training::cli {

namespace {

struct ExportOptions {
  std::string weights, out;
};

int export_weights(const ExportOptions& options) {
  require_no_input(options.out, {options.weights});
  torch_part().export_onnx(options.weights, options.out);
  print("%s\n", options.out.c_str());
  return 0;
}

}  // namespace

void add_export(CLI::App& app, Action& action) {
  auto options = std::make_shared<ExportOptions>();
  CLI::App* command = app.add_subcommand("export", "Writes weights as an ONNX model");
  command_line::add_weights(*command, options->weights);
  command->add_option("-o,--out", options->out, "The ONNX model to write")->required()->type_name("FILE");
  command->footer(
      "Input `images`: [N, channels, height, width] float32, the crop's bytes as numbers from 0 to 255, "
      "RGB;\n"
      "normalisation is part of the model. Output `embeddings`: [N, 128] float32. The crop rule, the metric "
      "and\n"
      "the threshold go along as the model's metadata.\n\n"
      "Example:\n"
      "  triplet-train export --weights models/faces-r18.safetensors --out faces-r18.onnx");
  command->callback([options, &action] {
    action = [options] {
      command_line::take_default_weights(options->weights);
      return export_weights(*options);
    };
  });
}

}  // namespace training::cli
