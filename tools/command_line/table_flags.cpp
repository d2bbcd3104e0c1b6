// SPDX-License-Identifier: LGPL-2.1-or-later
#include "command_line/table_flags.h"

#include <string>
#include <vector>

#include "embed/default_weights.h"
#include "embed/match_rule.h"

namespace command_line {

namespace {

std::vector<std::string> split_choices(const std::string& choices) {
  std::vector<std::string> parts;
  std::size_t start = 0;
  for (std::size_t bar = choices.find('|'); bar != std::string::npos; bar = choices.find('|', start)) {
    parts.push_back(choices.substr(start, bar - start));
    start = bar + 1;
  }
  parts.push_back(choices.substr(start));
  return parts;
}

}  // namespace

void TableFlags::add_one(CLI::App& app, const embed::OptionSpec& spec, const std::string& group) {
  std::string& value = values_[spec.name];
  value = spec.default_value;
  CLI::Option* option = app.add_option("--" + std::string(spec.name), value, spec.blurb)->group(group);
  if (!value.empty()) option->capture_default_str();
  const auto number = [](double limit) { return CLI::detail::to_string(limit); };
  const std::string range = " in [" + number(spec.minimum) + " - " + number(spec.maximum) + "]";
  switch (spec.type) {
    case embed::OptionType::Int:
      option->check(CLI::TypeValidator<int>(""))->check(CLI::Range(spec.minimum, spec.maximum, ""));
      option->type_name("INT" + range);
      break;
    case embed::OptionType::Double:
      option->check(CLI::Range(spec.minimum, spec.maximum, ""));
      option->type_name("FLOAT" + range);
      break;
    case embed::OptionType::Choice:
      option->check(CLI::IsMember(split_choices(spec.choices)));
      option->type_name("");
      break;
    case embed::OptionType::Bool:
      option->check(CLI::IsMember({"true", "false"}));
      option->type_name("");
      break;
    case embed::OptionType::String:
      break;
  }
}

embed::EmbedderOptions embedder_options(const TableFlags& flags) {
  embed::EmbedderOptions options;
  options.device = flags.text("device");
  options.precision = flags.text("precision");
  options.threads = static_cast<int>(flags.integer("threads"));
  options.batch_size = static_cast<std::size_t>(flags.integer("batch-size"));
  return options;
}

embed::MatchOptions match_options(const TableFlags& flags, const embed::ModelInfo& model,
                                  const embed::Gallery& gallery) {
  embed::MatchSettings settings;
  settings.threshold = flags.number("threshold");
  settings.far = flags.number("far");
  settings.metric = flags.text("metric");
  settings.k = static_cast<std::size_t>(flags.integer("k"));
  settings.margin = static_cast<float>(flags.number("margin"));
  return embed::match_rule(settings, model, gallery);
}

CLI::Option* add_weights(CLI::App& command, std::string& weights) {
  return command
      .add_option("-w,--weights", weights,
                  "Weights file; by default the one that TRIPLETEMBED_MODEL names, else the installed one")
      ->type_name("FILE");
}

void take_default_weights(std::string& weights) {
  if (weights.empty()) weights = embed::default_weights("--weights");
}

}  // namespace command_line
