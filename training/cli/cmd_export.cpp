// SPDX-License-Identifier: LGPL-2.1-or-later
// triplet-train export: weights for other programs.
#include <cstdio>
#include <memory>
#include <string>

#include "commands.h"
#include "flags.h"
#include "onnx_export.h"

namespace training::cli {

namespace {

struct ExportOptions {
  std::string weights, out;
};

int export_weights(const ExportOptions& options) {
  export_onnx(options.weights, options.out);
  std::printf("%s\n", options.out.c_str());
  return 0;
}

}  // namespace

void add_export(CLI::App& app, Action& action) {
  auto options = std::make_shared<ExportOptions>();
  CLI::App* command = app.add_subcommand("export", "Writes weights as an ONNX model for other programs");
  add_weights(*command, options->weights);
  command->add_option("-o,--out", options->out, "The ONNX model to write")
      ->required()
      ->type_name("FILE.onnx");
  command->footer(
      "Input `images`: [N, channels, height, width] float32, the crop's bytes as numbers from 0 to 255, "
      "RGB;\n"
      "normalisation is part of the model. Output `embeddings`: [N, 128] float32. The crop rule, the metric "
      "and\n"
      "the threshold go along as the model's metadata.\n\n"
      "Example:\n"
      "  triplet-train export --weights models/faces-r18.safetensors --out faces-r18.onnx");
  command->callback([options, &action] { action = [options] { return export_weights(*options); }; });
}

}  // namespace training::cli
