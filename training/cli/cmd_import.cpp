// SPDX-License-Identifier: LGPL-2.1-or-later
// triplet-train import: weights of other programs' ResNet-18s.
#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/utf8.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/torch_part.h"
#include "command_line/table_flags.h"
#include "data/run_checks.h"

namespace training::cli {

namespace {

// What torchvision's and Gluon's ImageNet models take (torchvision.models, mxnet.gluon.model_zoo).
constexpr std::array<float, 3> kImageNetMean = {0.485F, 0.456F, 0.406F};
constexpr std::array<float, 3> kImageNetStd = {0.229F, 0.224F, 0.225F};

struct ImportFlags {
  std::string source, out;
  std::string head = "l2", metric = "cosine", order = "rgb", align = "five-point", storage = "f32",
              trained_on;
  int size = 64, channels = 3;
  std::vector<float> mean, std;
  std::uint64_t seed = 1;
  bool v1_norms = false, json = false;
};

void set_channels(const char* name, const std::vector<float>& values, int channels,
                  const std::array<float, 3>& image_net, std::array<float, 3>& target) {
  if (values.empty()) {
    if (channels == 3) target = image_net;
    return;
  }
  if (values.size() == 2) throw CLI::ValidationError(name, "one number, or one for each channel");
  for (std::size_t i = 0; i < 3; ++i) target[i] = values[std::min(i, values.size() - 1)];
}

ImportOptions translate(const ImportFlags& flags) {
  ImportOptions options;
  embed::ModelInfo& info = options.info;
  info.head = embed::parse_head(flags.head);
  info.metric = embed::parse_metric(flags.metric);
  info.input.width = info.input.height = flags.size;
  info.input.channels = flags.channels;
  info.input.bgr = flags.order == "bgr";
  info.input.crop.alignment = embed::parse_alignment(flags.align);
  set_channels("--mean", flags.mean, flags.channels, kImageNetMean, info.input.mean);
  set_channels("--std", flags.std, flags.channels, kImageNetStd, info.input.std);
  info.trained_on = flags.trained_on;
  if (!is_utf8(flags.trained_on)) throw CLI::ValidationError("--trained-on", "UTF-8 text expected");
  info.recipe = "triplet-train import " + to_utf8(std::filesystem::path(flags.source).filename().string());
  options.seed = flags.seed;
  options.v1_norms = flags.v1_norms;
  options.storage = flags.storage == "f16"    ? embed::DType::F16
                    : flags.storage == "bf16" ? embed::DType::BF16
                                              : embed::DType::F32;
  return options;
}

/// A name out of a file, harmless on a terminal.
std::string shown(const std::string& name) {
  std::string text = name;
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; }, '?');
  return text;
}

void print_report(const ImportFlags& flags, const ImportReport& report) {
  for (const auto& [name, reason] : report.unused)
    print("not taken: %s: %s\n", shown(name).c_str(), reason.c_str());
  for (const std::string& name : report.missing) print("fresh: %s\n", name.c_str());
  if (report.post_activation) {
    print_error(
        "warning: a ResNet v1: its batch norms stand elsewhere, so this network does not compute what "
        "that one did; it is a start for training\n");
  }
  if (std::count(report.missing.begin(), report.missing.end(), "dense.weight") != 0)
    print_error("warning: the dense layer is fresh: train it before use\n");
  print("%s: %zu of %zu tensors taken\n", flags.out.c_str(), report.taken.size(), report.wanted);
}

int import_file(const ImportFlags& flags, const ImportOptions& options) {
  require_no_input(flags.out, {flags.source});
  const ImportReport report = torch_part().import_weights(flags.source, flags.out, options);
  if (!flags.json) {
    print_report(flags, report);
    return 0;
  }
  nlohmann::ordered_json json = {{"out", flags.out},
                                 {"tensors", report.wanted},
                                 {"taken", report.taken},
                                 {"fresh", report.missing},
                                 {"not_taken", nlohmann::ordered_json::object()},
                                 {"post_activation", report.post_activation}};
  for (const auto& [name, reason] : report.unused) json["not_taken"][name] = reason;
  print("%s\n", json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  return 0;
}

void add_input_flags(CLI::App& command, ImportFlags& flags) {
  const std::string group = "Input";
  command.add_option("--size", flags.size, "Side of the network's picture in pixels")
      ->capture_default_str()
      ->check(CLI::Range(16, 1024))
      ->group(group);
  command.add_option("--channels", flags.channels, "3 or 1 (grey)")
      ->capture_default_str()
      ->check(CLI::IsMember({1, 3}))
      ->group(group);
  command.add_option("--order", flags.order, "Of the channels that the network was trained with")
      ->capture_default_str()
      ->check(CLI::IsMember({"rgb", "bgr"}))
      ->group(group);
  command
      .add_option("--mean", flags.mean,
                  "Of (value/255 - mean)/std: one number, or one for each channel; default ImageNet's "
                  "0.485,0.456,0.406, with 1 channel 0")
      ->expected(1, 3)
      ->delimiter(',')
      ->group(group);
  command.add_option("--std", flags.std, "As --mean; default ImageNet's 0.229,0.224,0.225, with 1 channel 1")
      ->expected(1, 3)
      ->delimiter(',')
      ->group(group);
  command.add_option("--align", flags.align, "How a face becomes a picture")
      ->capture_default_str()
      ->check(CLI::IsMember({"whole", "box", "five-point"}))
      ->group(group);
}

}  // namespace

void add_import(CLI::App& app, Action& action) {
  auto flags = std::make_shared<ImportFlags>();
  CLI::App* command = app.add_subcommand("import", "Makes weights of another program's ResNet-18");
  command
      ->add_option("source", flags->source,
                   "safetensors with torchvision's or timm's names, or Gluon's .params; no pickles")
      ->required()
      ->type_name("SOURCE");
  command->add_option("-o,--out", flags->out, "The weights file to write")->required()->type_name("FILE");
  command->add_option("--head", flags->head, "The last layer")
      ->capture_default_str()
      ->check(CLI::IsMember({"sigmoid", "linear", "l2"}));
  command->add_option("--metric", flags->metric, "Distance between embeddings")
      ->capture_default_str()
      ->check(CLI::IsMember({"l1", "l2", "squared-l2", "cosine"}));
  command->add_option("--storage", flags->storage, "Numbers in the weights file")
      ->capture_default_str()
      ->check(CLI::IsMember({"f32", "f16", "bf16"}));
  command->add_option("--seed", flags->seed, "Of the tensors that the file lacks")->capture_default_str();
  command->add_flag("--v1-norms", flags->v1_norms,
                    "Of a ResNet v1: take the batch norm between a block's convolutions too");
  command->add_option("--trained-on", flags->trained_on, "Into the weights file, for people")
      ->type_name("TEXT");
  command->add_flag("--json", flags->json, "One JSON object on the standard output");
  add_input_flags(*command, *flags);
  command->footer(
      "Every tensor that fits by name and shape is taken, the others are listed; what the file lacks stays "
      "as "
      "a\n"
      "fresh network has it. A 1000-class layer never fits the 128 values of the dense layer: train it.\n"
      "The network is a ResNet18-v2 (batch norms ahead of the convolutions). Of a v1, as torchvision's, the\n"
      "convolutions and the stem's batch norm are taken, as a start for training.\n\n"
      "Examples:\n"
      "  triplet-train import resnet18_v2-a81db45f.params --out start.safetensors\n"
      "  triplet-train train --data faces.safetensors --init start.safetensors --mean 0.485,0.456,0.406 "
      "--std "
      "0.229,0.224,0.225 --out weights.safetensors");
  command->callback([flags, &action] {
    const ImportOptions options = translate(*flags);
    action = [flags, options] { return import_file(*flags, options); };
  });
}

}  // namespace training::cli
