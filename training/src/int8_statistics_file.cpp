// SPDX-License-Identifier: LGPL-2.1-or-later
#include <nlohmann/json.hpp>

#include "embed/safetensors.h"
#include "int8_statistics.h"

namespace training {

namespace {

constexpr const char* kKind = "tripletembed.statistics";
constexpr int kVersion = 1;

const char* input_type(const LayerStatistics& layer) {
  return layer.unsigned_in ? "U8" : "I8";
}

embed::TensorView view(const std::vector<float>& values) {
  return {embed::DType::F32,
          {static_cast<std::int64_t>(values.size())},
          reinterpret_cast<const std::uint8_t*>(values.data()),
          values.size() * sizeof(float)};
}

embed::TensorView scalar(const float& value) {
  return {embed::DType::F32, {}, reinterpret_cast<const std::uint8_t*>(&value), sizeof(float)};
}

}  // namespace

void write_statistics(const std::string& path, const Int8Statistics& statistics) {
  std::map<std::string, embed::TensorView> tensors;
  nlohmann::json layers = nlohmann::json::array();
  for (const LayerStatistics& layer : statistics.layers) {
    layers.push_back({{"name", layer.name},
                      {"kind", layer.dense ? "dense" : "convolution"},
                      {"input", input_type(layer)}});
    const std::string name = layer.name + ".";
    tensors[name + "weight_absmax"] = view(layer.weight_absmax);
    tensors[name + "weight_scale"] = view(layer.weight_scale);
    tensors[name + "input_min"] = scalar(layer.input_min);
    tensors[name + "input_max"] = scalar(layer.input_max);
    tensors[name + "input_mean_abs"] = scalar(layer.input_mean_abs);
    tensors[name + "input_p99.9"] = scalar(layer.input_p999);
    tensors[name + "input_p99.99"] = scalar(layer.input_p9999);
    tensors[name + "input_scale"] = scalar(layer.input_scale);
    // Counts fit into 63 bits: the same bytes are I64, which every reader knows.
    tensors[name + "input_histogram"] = {embed::DType::I64,
                                         {static_cast<std::int64_t>(layer.histogram.size())},
                                         reinterpret_cast<const std::uint8_t*>(layer.histogram.data()),
                                         layer.histogram.size() * sizeof(std::uint64_t)};
  }
  embed::write_safetensors(
      path, tensors,
      {{"kind", kKind},
       {"version", std::to_string(kVersion)},
       {"weights_sha256", statistics.weights_sha256},
       {"images", std::to_string(statistics.images)},
       {"layers", layers.dump()},
       {"cosine",
        nlohmann::json({{"mean", statistics.mean_cosine}, {"least", statistics.least_cosine}}).dump()}});
}

std::string to_json(const Int8Statistics& statistics) {
  nlohmann::ordered_json json = {
      {"weights_sha256", statistics.weights_sha256},
      {"images", statistics.images},
      {"cosine", {{"mean", statistics.mean_cosine}, {"least", statistics.least_cosine}}},
      {"layers", nlohmann::ordered_json::array()}};
  for (const LayerStatistics& layer : statistics.layers) {
    json["layers"].push_back({{"name", layer.name},
                              {"kind", layer.dense ? "dense" : "convolution"},
                              {"outputs", layer.outputs},
                              {"weight_absmax", layer.weight_absmax},
                              {"weight_scale", layer.weight_scale},
                              {"input",
                               {{"type", input_type(layer)},
                                {"min", layer.input_min},
                                {"max", layer.input_max},
                                {"mean_abs", layer.input_mean_abs},
                                {"p99.9", layer.input_p999},
                                {"p99.99", layer.input_p9999},
                                {"scale", layer.input_scale}}}});
  }
  return json.dump();
}

}  // namespace training
