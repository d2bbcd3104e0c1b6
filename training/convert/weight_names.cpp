// SPDX-License-Identifier: LGPL-2.1-or-later
#include "convert/weight_names.h"

#include <array>
#include <utility>

namespace training {

namespace {

using Pair = std::pair<const char*, const char*>;

constexpr std::array<Pair, 26> kTorchLayers = {{{"conv1", "stem_conv"},
                                                {"stem.conv", "stem_conv"},
                                                {"stem_conv", "stem_conv"},
                                                {"bn1", "stem_bn"},
                                                {"stem.norm", "stem_bn"},
                                                {"stem_bn", "stem_bn"},
                                                {"bn0", "input_bn"},
                                                {"input_bn", "input_bn"},
                                                {"bn", "final_bn"},
                                                {"bn2", "final_bn"},
                                                {"norm", "final_bn"},
                                                {"final_bn", "final_bn"},
                                                {"fc", "dense"},
                                                {"head.fc", "dense"},
                                                {"classifier", "dense"},
                                                {"dense", "dense"},
                                                // Inside a block.
                                                {".bn1", "bn1"},
                                                {".norm1", "bn1"},
                                                {".conv1", "conv1"},
                                                {".bn2", "bn2"},
                                                {".norm2", "bn2"},
                                                {".conv2", "conv2"},
                                                {".downsample.0", "shortcut"},
                                                {".downsample.conv", "shortcut"},
                                                {".downsample", "shortcut"},
                                                {".shortcut", "shortcut"}}};

constexpr std::array<Pair, 12> kGluonLayers = {{{"features.0", "input_bn"},
                                                {"features.1", "stem_conv"},
                                                {"features.2", "stem_bn"},
                                                {"features.9", "final_bn"},
                                                {"classifier.0", "final_bn"},
                                                {"output", "dense"},
                                                {"classifier.4", "dense"},
                                                {".bn1", "bn1"},
                                                {".conv1", "conv1"},
                                                {".bn2", "bn2"},
                                                {".conv2", "conv2"},
                                                {".downsample", "shortcut"}}};

constexpr std::array<Pair, 5> kGluonPrefixed = {{{"batchnorm0", "input_bn"},
                                                 {"conv0", "stem_conv"},
                                                 {"batchnorm1", "stem_bn"},
                                                 {"batchnorm2", "final_bn"},
                                                 {"dense0", "dense"}}};

constexpr std::array<Pair, 2> kGluonParameters = {{{"gamma", "weight"}, {"beta", "bias"}}};

/// Prefixes that wrappers put before every name.
constexpr std::array<const char*, 6> kWrappers = {"module.",  "model.", "backbone.",
                                                  "encoder.", "arg:",   "aux:"};

template <std::size_t N>
std::string find(const std::array<Pair, N>& table, const std::string& name) {
  for (const Pair& row : table) {
    if (name == row.first) return row.second;
  }
  return "";
}

bool starts_with(const std::string& text, const std::string& start) {
  return text.compare(0, start.size(), start) == 0;
}

std::string unwrapped(std::string name) {
  for (bool found = true; found;) {
    found = false;
    for (const char* prefix : kWrappers) {
      if (!starts_with(name, prefix)) continue;
      name = name.substr(std::string(prefix).size());
      found = true;
    }
  }
  return name;
}

/// "layer.parameter" cut at the last dot (or underscore-separated word); the parameter is one of ours.
struct Parts {
  std::string layer, parameter;
};

Parts split(const std::string& name, char separator) {
  for (const char* parameter : {"weight", "bias", "gamma", "beta", "running_mean", "running_var"}) {
    const std::string end = separator + std::string(parameter);
    if (name.size() <= end.size() || name.compare(name.size() - end.size(), end.size(), end) != 0) continue;
    const std::string translated = find(kGluonParameters, parameter);
    return {name.substr(0, name.size() - end.size()), translated.empty() ? parameter : translated};
  }
  return {};
}

std::string joined(const std::string& layer, const std::string& parameter) {
  return layer.empty() ? "" : layer + "." + parameter;
}

/// A layer "START<digit>MIDDLE<digit>.rest" is one of a block: stage digit − first + 1, block 0 or 1.
template <std::size_t N>
std::string in_block(const std::string& layer, const std::string& start, char first,
                     const std::string& middle, const std::array<Pair, N>& table) {
  const std::size_t rest = start.size() + 1 + middle.size() + 1;
  if (layer.size() <= rest || !starts_with(layer, start) ||
      layer.compare(start.size() + 1, middle.size(), middle) != 0)
    return "";
  const int stage = layer[start.size()] - first + 1;
  const char block = layer[rest - 1];
  if (stage < 1 || stage > 4 || (block != '0' && block != '1')) return "";
  const std::string inside = find(table, layer.substr(rest));
  return inside.empty() ? "" : "stage" + std::to_string(stage) + "." + block + "." + inside;
}

std::string torch_layer(const std::string& layer) {
  for (const Pair& form : {Pair{"layer", "."}, Pair{"stage", "."}}) {
    const std::string found = in_block(layer, form.first, '1', form.second, kTorchLayers);
    if (!found.empty()) return found;
  }
  const std::string found = in_block(layer, "stages.", '0', ".blocks.", kTorchLayers);
  return found.empty() && layer[0] != '.' ? find(kTorchLayers, layer) : found;
}

/// "batchnorm3" or "conv4" of a stage, counted through both of its blocks.
std::string counted_layer(int stage, const std::string& layer) {
  const std::string base = "stage" + std::to_string(stage) + ".";
  for (int i = 0; i < 4; ++i) {
    if (layer == "batchnorm" + std::to_string(i))
      return base + std::to_string(i / 2) + ".bn" + std::to_string(i % 2 + 1);
  }
  static const std::vector<const char*> plain = {"0.conv1", "0.conv2", "1.conv1", "1.conv2"};
  static const std::vector<const char*> wider = {"0.conv1", "0.conv2", "0.shortcut", "1.conv1", "1.conv2"};
  const std::vector<const char*>& order = stage == 1 ? plain : wider;
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (layer == "conv" + std::to_string(i)) return base + order[i];
  }
  return "";
}

/// "resnetv20_stage2_batchnorm0" or "stage2_batchnorm0", "resnetv20_conv0" or "conv0".
std::string prefixed_layer(const std::string& layer) {
  const std::size_t bar = layer.rfind('_');
  const std::string last = bar == std::string::npos ? layer : layer.substr(bar + 1);
  if (bar == std::string::npos) return find(kGluonPrefixed, last);
  const std::size_t before = layer.rfind('_', bar == 0 ? 0 : bar - 1);
  const std::size_t start = before == std::string::npos || before == bar ? 0 : before + 1;
  const std::string scope = layer.substr(start, bar - start);
  if (scope.size() == 6 && starts_with(scope, "stage")) {
    const int stage = scope[5] - '0';
    return stage >= 1 && stage <= 4 ? counted_layer(stage, last) : "";
  }
  return find(kGluonPrefixed, last);
}

std::string gluon_name(const std::string& name) {
  if (name.find('.') == std::string::npos) {
    const Parts parts = split(name, '_');
    return joined(prefixed_layer(parts.layer), parts.parameter);
  }
  const Parts parts = split(name, '.');
  const std::string found = in_block(parts.layer, "features.", '5', ".", kGluonLayers);
  if (!found.empty() || parts.layer.empty() || parts.layer[0] == '.') return joined(found, parts.parameter);
  return joined(find(kGluonLayers, parts.layer), parts.parameter);
}

/// [2 to 4].0.bn1 has the width of the stage before; in a v1 network that of its own.
bool has_v1_width(const std::string& native, const std::vector<std::int64_t>& shape) {
  for (int stage = 2; stage <= 4; ++stage) {
    if (starts_with(native, "stage" + std::to_string(stage) + ".0.bn1."))
      return shape.size() == 1 && shape[0] == 64 << (stage - 1);
  }
  return false;
}

}  // namespace

std::string native_name(const std::string& foreign, NameStyle style) {
  const std::string name = unwrapped(foreign);
  if (style == NameStyle::Gluon) return gluon_name(name);
  const Parts parts = split(name, '.');
  return parts.layer.empty() ? "" : joined(torch_layer(parts.layer), parts.parameter);
}

bool is_post_activation(const NamedShapes& shapes, NameStyle style) {
  for (const auto& [name, shape] : shapes) {
    if (name.find(".downsample.1.") != std::string::npos) return true;
    if (has_v1_width(native_name(name, style), shape)) return true;
  }
  return false;
}

std::string native_name_of_v1(const std::string& foreign, NameStyle style, bool norms) {
  const std::string native = native_name(foreign, style);
  if (native.find("conv") != std::string::npos || native.find("shortcut") != std::string::npos) return native;
  if (style == NameStyle::Gluon) return "";
  if (starts_with(native, "stem_bn.")) return native;
  const std::size_t place = native.find(".bn1.");
  if (!norms || place == std::string::npos) return "";
  return native.substr(0, place) + ".bn2." + native.substr(place + 5);
}

}  // namespace training
