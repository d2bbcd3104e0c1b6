// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gtest/gtest.h>
#include <torch/nn.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "embed/nn/resnet18_v2.h"
#include "embed/nn/weights.h"
#include "fixtures.h"
#include "made_up_network.h"

namespace {

using embed::Head;
using embed::nn::ResNet18V2;
using embed::nn::ResNet18V2Options;
using Json = nlohmann::json;

using Shape = std::vector<std::int64_t>;

Shape shape_of(const torch::Tensor& tensor) {
  return {tensor.sizes().begin(), tensor.sizes().end()};
}

void add_norm(std::map<std::string, Shape>& table, const std::string& name, std::int64_t channels) {
  for (const char* part : {".weight", ".bias", ".running_mean", ".running_var"})
    table[name + part] = {channels};
}

/// The founding note's layer table.
std::map<std::string, Shape> layer_table(std::int64_t channels) {
  std::map<std::string, Shape> table = {{"input_bn.running_mean", {channels}},
                                        {"input_bn.running_var", {channels}},
                                        {"stem_conv.weight", {64, channels, 7, 7}},
                                        {"stage2.0.shortcut.weight", {128, 64, 1, 1}},
                                        {"stage3.0.shortcut.weight", {256, 128, 1, 1}},
                                        {"stage4.0.shortcut.weight", {512, 256, 1, 1}},
                                        {"dense.weight", {128, 512}},
                                        {"dense.bias", {128}}};
  add_norm(table, "stem_bn", 64);
  add_norm(table, "final_bn", 512);
  const std::int64_t widths[] = {64, 64, 128, 256, 512};
  for (int stage = 1; stage <= 4; ++stage) {
    const std::int64_t out = widths[stage];
    for (int block = 0; block < 2; ++block) {
      const std::string name = "stage" + std::to_string(stage) + "." + std::to_string(block);
      const std::int64_t in = block == 0 ? widths[stage - 1] : out;
      add_norm(table, name + ".bn1", in);
      add_norm(table, name + ".bn2", out);
      table[name + ".conv1.weight"] = {out, in, 3, 3};
      table[name + ".conv2.weight"] = {out, out, 3, 3};
    }
  }
  return table;
}

std::map<std::string, torch::Tensor> stored(const ResNet18V2& network) {
  std::map<std::string, torch::Tensor> tensors;
  for (const auto& item : network->named_parameters()) tensors[item.key()] = item.value();
  for (const auto& item : network->named_buffers()) {
    if (item.value().is_floating_point()) tensors[item.key()] = item.value();
  }
  return tensors;
}

TEST(ResNet18V2, HasTheNotesLayers) {
  for (const std::int64_t channels : {3, 1}) {
    ResNet18V2Options options;
    options.in_channels = channels;
    std::map<std::string, Shape> shapes;
    for (const auto& [name, tensor] : stored(ResNet18V2(options))) shapes[name] = shape_of(tensor);
    EXPECT_EQ(shapes, layer_table(channels));
    options.first_weights = embed::nn::FirstWeights::Undefined;
    for (const auto& [name, tensor] : stored(ResNet18V2(options)))
      EXPECT_EQ(shape_of(tensor), shapes.at(name));
  }
}

TEST(ResNet18V2, HasTheNotesNumberOfParameters) {
  const ResNet18V2 network;
  std::int64_t trainable = 0, head = 0, statistics = 0;
  for (const auto& item : network->named_parameters()) {
    EXPECT_TRUE(item.value().requires_grad()) << item.key();
    trainable += item.value().numel();
    if (item.key().rfind("dense.", 0) == 0) head += item.value().numel();
  }
  for (const auto& item : network->named_buffers()) {
    if (item.value().is_floating_point()) statistics += item.value().numel();
  }
  EXPECT_EQ(trainable, 11'240'512);
  EXPECT_EQ(trainable - head, 11'174'848);
  EXPECT_EQ(head, 65'664);
  EXPECT_EQ(statistics, 7'942);
}

TEST(ResNet18V2, EveryBatchNormHasTheNotesConstants) {
  const ResNet18V2 network;
  int norms = 0;
  for (const auto& item : network->named_modules()) {
    const auto* norm = item.value()->as<torch::nn::BatchNorm2d>();
    if (norm == nullptr) continue;
    ++norms;
    EXPECT_EQ(norm->options.eps(), 1e-5) << item.key();
    ASSERT_TRUE(norm->options.momentum().has_value());
    EXPECT_EQ(*norm->options.momentum(), 0.1) << item.key();
    EXPECT_EQ(norm->options.affine(), item.key() != "input_bn") << item.key();
    EXPECT_TRUE(norm->options.track_running_stats());
  }
  EXPECT_EQ(norms, 1 + 1 + 8 * 2 + 1);
}

TEST(ResNet18V2, OnlyTheBatchNormsAndTheDenseLayerHaveABias) {
  const ResNet18V2 network;
  for (const auto& item : network->named_modules()) {
    if (const auto* conv = item.value()->as<torch::nn::Conv2d>()) {
      EXPECT_FALSE(conv->bias.defined()) << item.key();
    }
  }
  EXPECT_TRUE(network->dense->bias.defined());
}

TEST(ResNet18V2, TheShortcutConvolutionTakesTheActivatedInput) {
  const torch::NoGradGuard no_grad;
  torch::manual_seed(5);
  embed::nn::BasicBlockV2 block(4, 8, 2);
  block->eval();
  block->bn1->bias.fill_(-0.5);
  block->conv2->weight.zero_();
  const torch::Tensor input = torch::randn({2, 4, 6, 6});
  const torch::Tensor expected = block->shortcut(torch::relu(block->bn1(input)));
  EXPECT_TRUE(torch::allclose(block(input), expected));
  EXPECT_FALSE(torch::allclose(block(input), block->shortcut(input)));
}

TEST(ResNet18V2, TheIdentityShortcutTakesTheRawInput) {
  const torch::NoGradGuard no_grad;
  torch::manual_seed(6);
  embed::nn::BasicBlockV2 block(8, 8, 1);
  block->eval();
  ASSERT_TRUE(block->shortcut.is_empty());
  block->conv2->weight.zero_();
  const torch::Tensor input = torch::randn({2, 8, 5, 5});
  const torch::Tensor before = input.clone();
  EXPECT_TRUE(torch::equal(block(input), before));
  EXPECT_TRUE(torch::equal(input, before));
}

TEST(ResNet18V2, StagesHalveTheResolution) {
  const torch::NoGradGuard no_grad;
  ResNet18V2 network;
  network->eval();
  torch::Tensor x = torch::zeros({1, 64, 16, 16});
  const Shape expected[] = {{1, 64, 16, 16}, {1, 128, 8, 8}, {1, 256, 4, 4}, {1, 512, 2, 2}};
  int i = 0;
  for (auto stage : {network->stage1, network->stage2, network->stage3, network->stage4}) {
    x = stage->forward(x);
    EXPECT_EQ(shape_of(x), expected[i++]);
  }
  EXPECT_EQ(shape_of(network->features(torch::zeros({3, 3, 64, 64}))), (Shape{3, 512}));
  for (const std::int64_t side : {16, 33, 112}) {
    EXPECT_EQ(shape_of(network->forward(torch::zeros({1, 3, side, side + 1}))), (Shape{1, 128}));
  }
}

TEST(ResNet18V2, DrawsHeNormalWeights) {
  torch::manual_seed(3);
  const ResNet18V2 network;
  for (const auto& item : network->named_modules()) {
    const auto* layer = item.value()->as<torch::nn::Conv2d>();
    if (layer == nullptr) continue;
    const torch::Tensor weight = layer->weight.detach();
    const double expected = std::sqrt(2.0 / static_cast<double>(weight.numel() / weight.size(1)));
    // Four standard errors, of the smallest layer's too.
    const double of_count = 4 / std::sqrt(static_cast<double>(weight.numel()));
    EXPECT_NEAR(weight.std().item<double>() / expected, 1, of_count) << item.key();
    EXPECT_NEAR(weight.mean().item<double>() / expected, 0, of_count) << item.key();
    EXPECT_EQ(layer->options.in_channels(), weight.size(1)) << item.key();
    EXPECT_EQ(layer->options.out_channels(), weight.size(0)) << item.key();
  }
}

// One pixel is convolved with the middle of a kernel alone, whichever way that is computed.
TEST(ResNet18V2, LearnsFromASinglePixelAsFromItsPaddedPicture) {
  torch::manual_seed(6);
  for (const bool channels_last : {false, true}) {
    embed::nn::BasicBlockV2 block(8, 8, 1);
    const auto layout = channels_last ? torch::MemoryFormat::ChannelsLast : torch::MemoryFormat::Contiguous;
    block->conv2->weight.set_data(block->conv2->weight.detach().clone(layout));
    const torch::Tensor input = torch::randn({6, 8, 1, 1});
    block->forward(input).square().sum().backward();
    const torch::Tensor learnt = block->conv2->weight.grad().clone();
    // The same by LibTorch's layers, which pad.
    block->zero_grad();
    const auto normed = [](torch::nn::BatchNorm2d& norm, const torch::Tensor& values) {
      return torch::relu(torch::batch_norm(values, norm->weight, norm->bias, {}, {}, /*training=*/true, 0.1,
                                           norm->options.eps(), false));
    };
    const torch::Tensor inner = block->conv1(normed(block->bn1, input));
    (block->conv2(normed(block->bn2, inner)) + input).square().sum().backward();
    EXPECT_TRUE(torch::allclose(learnt, block->conv2->weight.grad(), 1e-4, 1e-5));
    EXPECT_EQ(learnt.slice(2, 0, 1).abs().max().item<float>(), 0);
  }
}

TEST(ResNet18V2, SameSeedSameWeights) {
  torch::manual_seed(9);
  const auto first = stored(ResNet18V2());
  torch::manual_seed(9);
  for (const auto& [name, tensor] : stored(ResNet18V2()))
    EXPECT_TRUE(torch::equal(tensor, first.at(name))) << name;
}

TEST(ApplyHead, IsItsDefinition) {
  const torch::Tensor values = torch::tensor({{3.0F, -4.0F}, {0.0F, 0.0F}});
  EXPECT_TRUE(torch::equal(embed::nn::apply_head(values, Head::Linear), values));
  const torch::Tensor unit = embed::nn::apply_head(values, Head::L2);
  EXPECT_TRUE(torch::allclose(unit[0], torch::tensor({0.6F, -0.8F})));
  EXPECT_TRUE(torch::isfinite(unit).all().item<bool>());
  const torch::Tensor squashed = embed::nn::apply_head(values, Head::Sigmoid);
  EXPECT_NEAR(squashed[0][0].item<float>(), 1 / (1 + std::exp(-3.0)), 1e-6);
  EXPECT_EQ(squashed[1][0].item<float>(), 0.5F);
}

TEST(Normalise, DividesBy255AndTakesMeanAndDeviation) {
  embed::InputSpec input = fixtures::default_input();
  input.mean = {0.5F, 0.25F, 0.0F};
  input.std = {0.5F, 0.25F, 2.0F};
  torch::Tensor crops = torch::zeros({2, 3, 4, 3}, torch::kUInt8);
  crops[1][2][3][0] = 255;
  crops[1][2][3][2] = 102;
  const torch::Tensor x = embed::nn::normalise(crops, input);
  EXPECT_EQ(shape_of(x), (Shape{2, 3, 3, 4}));
  EXPECT_EQ(x.scalar_type(), torch::kFloat32);
  EXPECT_TRUE(x.is_contiguous(torch::MemoryFormat::ChannelsLast));
  EXPECT_NEAR(x[1][0][2][3].item<float>(), 1.0, 1e-6);
  EXPECT_NEAR(x[1][2][2][3].item<float>(), 0.2, 1e-6);
  EXPECT_NEAR(x[0][1][0][0].item<float>(), -1.0, 1e-6);
}

// ---- against the NumPy reference ----

/// Largest difference from [N][128] numbers.
double largest_difference(const torch::Tensor& got, const Json& rows) {
  double largest = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t j = 0; j < rows[i].size(); ++j) {
      const double value = got[static_cast<std::int64_t>(i)][static_cast<std::int64_t>(j)].item<float>();
      largest = std::max(largest, std::abs(value - rows[i][j].get<double>()));
    }
  }
  return largest;
}

torch::Tensor as_tensor(std::vector<std::uint8_t>& crops, int count, int height, int width, int channels) {
  return torch::from_blob(crops.data(), {count, height, width, channels}, torch::kUInt8);
}

Json golden() {
  std::ifstream file(GOLDEN_FILE);
  return Json::parse(file);
}

TEST(ResNet18V2Reference, GivesTheGoldenValues) {
  const torch::NoGradGuard no_grad;
  int checked = 0;
  const Json committed = golden();
  for (const Json& item : committed.at("cases")) {
    const int channels = item.at("channels"), height = item.at("height"), width = item.at("width");
    embed::InputSpec input;
    input.channels = channels;
    for (const auto& [head, rows] : item.at("outputs").items()) {
      auto network = made_up::network(channels, embed::parse_head(head));
      auto crops = made_up::crops(static_cast<int>(rows.size()), height, width, channels);
      const torch::Tensor batch = embed::nn::normalise(
          as_tensor(crops, static_cast<int>(rows.size()), height, width, channels), input);
      const torch::Tensor got = network->forward(batch);
      ASSERT_EQ(shape_of(got), (Shape{static_cast<std::int64_t>(rows.size()), 128}));
      EXPECT_LE(largest_difference(got, rows), head == "linear" ? 2e-5 : 5e-6)
          << head << ' ' << height << 'x' << width;
      ++checked;
    }
  }
  EXPECT_EQ(checked, 5);
}

/// A Python with NumPy, or nothing.
std::string numpy_python() {
  for (const char* python : {"python3", "/usr/bin/python3"}) {
    if (std::system((std::string(python) + " -c 'import numpy' >/dev/null 2>&1").c_str()) == 0) return python;
  }
  return {};
}

Json run_reference(const std::string& python, const std::string& arguments) {
  const std::string command = python + " '" REFERENCE_SCRIPT "' " + arguments;
  std::FILE* pipe = ::popen(command.c_str(), "r");
  std::string text;
  std::array<char, 4096> buffer{};
  for (std::size_t got = 0; (got = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
    text.append(buffer.data(), got);
  }
  EXPECT_EQ(::pclose(pipe), 0) << command;
  return Json::parse(text, nullptr, /*allow_exceptions=*/false);
}

TEST(ResNet18V2Reference, TheGoldenFileIsTheScriptsOutput) {
  const std::string python = numpy_python();
  if (python.empty()) GTEST_SKIP() << "no Python with NumPy";
  const Json fresh = run_reference(python, "golden"), committed = golden();
  ASSERT_EQ(fresh.at("cases").size(), committed.at("cases").size());
  for (std::size_t c = 0; c < fresh["cases"].size(); ++c) {
    for (const auto& [head, rows] : committed["cases"][c]["outputs"].items()) {
      for (std::size_t i = 0; i < rows.size(); ++i) {
        for (std::size_t j = 0; j < rows[i].size(); ++j) {
          EXPECT_NEAR(fresh["cases"][c]["outputs"][head][i][j].get<double>(), rows[i][j].get<double>(), 1e-7);
        }
      }
    }
  }
}

TEST(ResNet18V2Reference, TheScriptAgreesOnAWeightsFile) {
  const std::string python = numpy_python();
  if (python.empty()) GTEST_SKIP() << "no Python with NumPy";
  const torch::NoGradGuard no_grad;
  fixtures::WeightsOptions options;
  options.seed = 77;
  options.input.width = 48;
  options.input.mean = {0.4F, 0.5F, 0.6F};
  options.input.std = {0.2F, 0.3F, 0.25F};
  const std::string weights =
      fixtures::write_weights(fixtures::temp_dir() + "/reference.safetensors", options);
  auto crops = made_up::crops(3, 64, 48, 3);
  const std::string crops_path = fixtures::temp_dir() + "/crops.u8";
  fixtures::write_bytes(crops_path, crops);
  const Json rows = run_reference(python, "forward '" + weights + "' '" + crops_path + "' 3");
  auto model = embed::nn::load_weights(weights);
  const torch::Tensor got =
      model.network->forward(embed::nn::normalise(as_tensor(crops, 3, 64, 48, 3), model.info.input));
  EXPECT_LE(largest_difference(got, rows), 1e-5);
}

}  // namespace
