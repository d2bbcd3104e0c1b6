// SPDX-License-Identifier: LGPL-2.1-or-later
// The statistics for int8 against a second computation: the training network's own layers, loops and sorting.
#include <gtest/gtest.h>
#include <torch/nn.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>

#include "embed/embedder.h"
#include "embed/nn/weights.h"
#include "embed/preprocess.h"
#include "error_code.h"
#include "fixtures.h"
#include "folded_network.h"
#include "int8_statistics.h"

namespace training {
namespace {

constexpr std::int64_t kSide = 48;

/// Written once for each head.
const std::string& weights_of(embed::Head head) {
  static std::map<embed::Head, std::string> files;
  std::string& file = files[head];
  if (file.empty()) {
    fixtures::WeightsOptions made;
    made.head = head;
    made.input.width = made.input.height = kSide;
    made.input.mean = {0.4F, 0.5F, 0.3F};
    made.input.std = {0.2F, 0.25F, 0.3F};
    file = fixtures::write_weights(fixtures::temp_dir() + "/int8-" + embed::to_string(head) + ".safetensors",
                                   made);
  }
  return file;
}

std::vector<std::uint8_t> painted(std::size_t count, std::uint64_t seed) {
  std::vector<std::uint8_t> crops;
  for (std::size_t i = 0; i < count; ++i) {
    const auto one = fixtures::rgb_pattern(kSide, kSide, seed + i);
    crops.insert(crops.end(), one.begin(), one.end());
  }
  return crops;
}

std::vector<float> embedder_values(const std::string& weights, const std::vector<std::uint8_t>& crops) {
  embed::EmbedderOptions options;
  options.device = "cpu";
  options.precision = "fp32";
  const embed::Embedder embedder(weights, options);
  std::vector<embed::Embedding> rows(crops.size() / embed::crop_bytes(embedder.info().input));
  embedder.embed_crops(crops.data(), rows.size(), rows.data());
  std::vector<float> values;
  for (const embed::Embedding& row : rows) values.insert(values.end(), row.begin(), row.end());
  return values;
}

double cosine(const float* a, const float* b) {
  double dot = 0, aa = 0, bb = 0;
  for (std::size_t d = 0; d < embed::kEmbeddingDim; ++d) {
    dot += static_cast<double>(a[d]) * b[d];
    aa += static_cast<double>(a[d]) * a[d];
    bb += static_cast<double>(b[d]) * b[d];
  }
  return dot / std::sqrt(aa * bb);
}

torch::Tensor as_tensor(std::vector<std::uint8_t>& crops) {
  return torch::from_blob(crops.data(),
                          {static_cast<std::int64_t>(crops.size()) / (kSide * kSide * 3), kSide, kSide, 3},
                          torch::TensorOptions().dtype(torch::kUInt8));
}

const LayerStatistics& layer_of(const Int8Statistics& statistics, const std::string& name) {
  for (const LayerStatistics& layer : statistics.layers) {
    if (layer.name == name) return layer;
  }
  throw std::runtime_error("no layer " + name);
}

/// Against all values of the tensor, sorted.
void expect_input(const LayerStatistics& layer, const torch::Tensor& input) {
  SCOPED_TRACE(layer.name);
  const torch::Tensor flat = input.contiguous().view({-1});
  std::vector<float> values(flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel());
  double sum = 0;
  float low = values[0], high = values[0];
  for (float& value : values) {
    low = std::min(low, value);
    high = std::max(high, value);
    value = std::fabs(value);
    sum += value;
  }
  std::sort(values.begin(), values.end());
  const float most = values.back(), tolerance = 1e-4F * most, width = most / 2048 + tolerance;
  EXPECT_NEAR(layer.input_min, low, tolerance);
  EXPECT_NEAR(layer.input_max, high, tolerance);
  EXPECT_NEAR(layer.input_mean_abs, sum / static_cast<double>(values.size()), tolerance);
  const auto at = [&](double share) {
    return values[static_cast<std::size_t>(std::ceil(share * static_cast<double>(values.size()))) - 1];
  };
  EXPECT_NEAR(layer.input_p999, at(0.999), width);
  EXPECT_NEAR(layer.input_p9999, at(0.9999), width);
  EXPECT_FLOAT_EQ(layer.input_scale, layer.input_p9999 / (layer.unsigned_in ? 255.0F : 127.0F));
  EXPECT_EQ(layer.unsigned_in, low >= 0);
  std::uint64_t counted = 0;
  for (const std::uint64_t bin : layer.histogram) counted += bin;
  EXPECT_EQ(counted, values.size());
}

/// Against loops over the unfolded convolution and the batch norm behind it (null: none).
void expect_weights(const LayerStatistics& layer, const torch::Tensor& weight,
                    const torch::nn::BatchNorm2dImpl* behind) {
  SCOPED_TRACE(layer.name);
  ASSERT_EQ(static_cast<std::int64_t>(layer.weight_absmax.size()), weight.size(0));
  const torch::Tensor rows = weight.contiguous().view({weight.size(0), -1});
  for (std::int64_t o = 0; o < rows.size(0); ++o) {
    double factor = 1;
    if (behind != nullptr) {
      factor = behind->weight[o].item<double>() /
               std::sqrt(behind->running_var[o].item<double>() + behind->options.eps());
    }
    double most = 0;
    const float* row = rows.data_ptr<float>() + o * rows.size(1);
    for (std::int64_t i = 0; i < rows.size(1); ++i) most = std::max(most, std::fabs(row[i] * factor));
    const auto channel = static_cast<std::size_t>(o);
    EXPECT_NEAR(layer.weight_absmax[channel], most, 1e-5 * most);
    EXPECT_FLOAT_EQ(layer.weight_scale[channel], layer.weight_absmax[channel] / 127);
  }
}

TEST(FoldedNetwork, GivesTheEmbeddersVectors) {
  const torch::NoGradGuard no_grad;
  for (const embed::Head head : {embed::Head::L2, embed::Head::Sigmoid, embed::Head::Linear}) {
    const std::string weights = weights_of(head);
    std::vector<std::uint8_t> crops = painted(5, 10);
    const std::vector<float> expected = embedder_values(weights, crops);
    const FoldedNetwork network(embed::nn::load_weights(weights));
    const torch::Tensor found = network.forward(as_tensor(crops)).contiguous();
    ASSERT_EQ(static_cast<std::size_t>(found.numel()), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i)
      EXPECT_NEAR(found.data_ptr<float>()[i], expected[i], 1e-4 * (1 + std::fabs(expected[i])));
  }
}

TEST(Int8Statistics, AgreeWithTheUnfoldedNetworkLayerByLayer) {
  const torch::NoGradGuard no_grad;
  const std::string weights = weights_of(embed::Head::L2);
  std::vector<std::uint8_t> crops = painted(40, 100);  // More than fit into one part.
  const Int8Statistics statistics = int8_statistics(weights, crops);
  const embed::nn::LoadedModel model = embed::nn::load_weights(weights);
  embed::nn::ResNet18V2 network = model.network;
  EXPECT_EQ(statistics.images, 40U);
  EXPECT_EQ(statistics.weights_sha256, model.info.sha256);
  ASSERT_EQ(statistics.layers.size(), 21U);  // 17 convolutions, 3 shortcuts, dense.
  EXPECT_EQ(statistics.layers.back().name, "dense");
  EXPECT_TRUE(statistics.layers.back().dense);

  const torch::Tensor stem_in = network->input_bn(embed::nn::normalise(as_tensor(crops), model.info.input));
  expect_input(layer_of(statistics, "stem_conv"), stem_in);
  expect_weights(layer_of(statistics, "stem_conv"), network->stem_conv->weight, network->stem_bn.get());
  torch::Tensor x = torch::max_pool2d(torch::relu(network->stem_bn(network->stem_conv(stem_in))), 3, 2, 1);
  auto& first = network->stage1->at<embed::nn::BasicBlockV2Impl>(0);
  const torch::Tensor active = torch::relu(first.bn1(x)),
                      middle = torch::relu(first.bn2(first.conv1(active)));
  expect_input(layer_of(statistics, "stage1.0.conv1"), active);
  expect_weights(layer_of(statistics, "stage1.0.conv1"), first.conv1->weight, first.bn2.get());
  expect_input(layer_of(statistics, "stage1.0.conv2"), middle);
  expect_weights(layer_of(statistics, "stage1.0.conv2"), first.conv2->weight, nullptr);
  auto& second = network->stage2->at<embed::nn::BasicBlockV2Impl>(0);
  const torch::Tensor shared = torch::relu(second.bn1(network->stage1->forward(x)));
  expect_input(layer_of(statistics, "stage2.0.shortcut"), shared);
  expect_input(layer_of(statistics, "stage2.0.conv1"), shared);
  expect_weights(layer_of(statistics, "stage2.0.shortcut"), second.shortcut->weight, nullptr);
  expect_input(layer_of(statistics, "dense"),
               network->features(embed::nn::normalise(as_tensor(crops), model.info.input)));
  expect_weights(layer_of(statistics, "dense"), network->dense->weight, nullptr);
}

TEST(Int8Statistics, PicturesThatWereNotCalibratedOnKeepTheirEmbeddings) {
  for (const embed::Head head : {embed::Head::L2, embed::Head::Linear}) {
    const std::string weights = weights_of(head);
    const Int8Statistics statistics = int8_statistics(weights, painted(48, 200));
    const std::vector<std::uint8_t> others = painted(24, 900);
    const std::vector<float> exact = embedder_values(weights, others);
    const std::vector<float> rounded = int8_embeddings(weights, statistics, others);
    ASSERT_EQ(rounded.size(), exact.size());
    double least = 1, sum = 0;
    for (std::size_t at = 0; at < exact.size(); at += embed::kEmbeddingDim) {
      const double one = cosine(exact.data() + at, rounded.data() + at);
      least = std::min(least, one);
      sum += one;
    }
    // Random weights make more of rounding than trained ones do.
    EXPECT_GE(sum / 24, 0.99);
    EXPECT_GE(least, 0.98);
    EXPECT_LT(least, 1 - 1e-7) << "nothing was rounded";
    EXPECT_GE(statistics.least_cosine, 0.99);
    EXPECT_LE(statistics.least_cosine, statistics.mean_cosine);
    RecordProperty("mean_cosine", std::to_string(sum / 24));
    RecordProperty("least_cosine", std::to_string(least));
  }
}

TEST(Int8Statistics, CoarserScalesAreWorse) {
  const std::string weights = weights_of(embed::Head::L2);
  const std::vector<std::uint8_t> crops = painted(16, 300);
  Int8Statistics statistics = int8_statistics(weights, crops);
  const std::vector<float> exact = embedder_values(weights, crops);
  for (LayerStatistics& layer : statistics.layers) layer.input_scale *= 32;
  const std::vector<float> coarse = int8_embeddings(weights, statistics, crops);
  EXPECT_LT(cosine(exact.data(), coarse.data()), statistics.least_cosine);
}

TEST(Int8Statistics, TheFileHoldsWhatWasMeasured) {
  const Int8Statistics statistics = int8_statistics(weights_of(embed::Head::L2), painted(4, 1));
  const std::string path = fixtures::temp_dir() + "/statistics.safetensors";
  write_statistics(path, statistics);
  const embed::SafetensorsFile file(path);
  file.require_kind("tripletembed.statistics", 1);
  EXPECT_EQ(file.metadata_at("weights_sha256"), statistics.weights_sha256);
  const nlohmann::json layers = nlohmann::json::parse(file.metadata_at("layers"));
  ASSERT_EQ(layers.size(), statistics.layers.size());
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const LayerStatistics& layer = statistics.layers[i];
    EXPECT_EQ(layers[i].at("name"), layer.name);
    EXPECT_EQ(layers[i].at("input"), i == 0 ? "I8" : "U8");
    const auto& scales = file.tensor(layer.name + ".weight_scale", embed::DType::F32,
                                     {static_cast<std::int64_t>(layer.outputs)});
    EXPECT_EQ(std::memcmp(scales.data, layer.weight_scale.data(), scales.bytes), 0);
    const auto& scale = file.tensor(layer.name + ".input_scale", embed::DType::F32, {});
    float input_scale = 0;
    ASSERT_EQ(scale.bytes, sizeof(input_scale));
    std::memcpy(&input_scale, scale.data, sizeof(input_scale));
    EXPECT_EQ(input_scale, layer.input_scale);
    const auto& histogram = file.tensor(layer.name + ".input_histogram", embed::DType::I64, {2048});
    EXPECT_EQ(std::memcmp(histogram.data, layer.histogram.data(), histogram.bytes), 0);
  }
  EXPECT_EQ(file.tensors().size(), 9 * layers.size());
  const nlohmann::json json = nlohmann::json::parse(to_json(statistics));
  EXPECT_EQ(json.at("layers").size(), layers.size());
  EXPECT_FLOAT_EQ(json["layers"][1]["input"]["scale"].get<float>(), statistics.layers[1].input_scale);
}

TEST(Int8Statistics, WhatDoesNotFitIsRefused) {
  const std::string weights = weights_of(embed::Head::L2);
  const std::vector<std::uint8_t> crops = painted(1, 1);
  EXPECT_EQ(code_of([&] { int8_statistics(weights, {}); }), embed::ErrorCode::InvalidArgument);
  EXPECT_EQ(code_of([&] { int8_statistics(weights, std::vector<std::uint8_t>(crops.size() + 1)); }),
            embed::ErrorCode::InvalidArgument);
  Int8Statistics others = int8_statistics(weights, crops);
  others.weights_sha256[0] = others.weights_sha256[0] == '0' ? '1' : '0';
  EXPECT_EQ(code_of([&] { int8_embeddings(weights, others, crops); }), embed::ErrorCode::Mismatch);
}

}  // namespace
}  // namespace training
