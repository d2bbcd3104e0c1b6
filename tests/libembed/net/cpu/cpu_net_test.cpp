// SPDX-License-Identifier: LGPL-2.1-or-later
// Our own kernels against LibTorch's layers.
#include "net/cpu/cpu_net.h"

#include <gtest/gtest.h>
#include <torch/nn.h>
#include <torch/utils.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "all_kernels.h"
#include "made_up.h"
#include "net/torch/folding.h"
#include "trained.h"

namespace {

using embed::Embedding;
using embed::Head;
using embed::cpu::CpuNet;
using embed::cpu::Kernels;
using embed::cpu::Number;
using trained::Case;
using trained::cosine;
using trained::expected;
using trained::info_of;
using trained::trained_network;

/// As most files have them: float16. Large layers transform such weights anew in each pass.
void round_weights(embed::nn::ResNet18V2& network) {
  const torch::NoGradGuard no_grad;
  for (torch::Tensor& parameter : network->parameters()) {
    if (parameter.dim() == 4) parameter.copy_(parameter.to(torch::kFloat16));
  }
}

double least_cosine(Number number) {
  return number == Number::F32 ? 0.999999 : number == Number::BF16 ? 0.999 : 0.97;
}

/// Every second shape each for weights as they are and rounded ones: whether a layer's weights are
/// transformed before the pass or in it makes no difference to the shape's part, for both ways give the
/// product the same bits (Winograd.TransformingInThePassOrBeforeItIsTheSameToTheBit).
void compare_to_the_layers(bool rounded) {
  for (std::size_t i = rounded ? 1 : 0; i < trained::cases().size(); i += 2) {
    const Case& shape = trained::cases()[i];
    auto network = trained_network(shape);
    if (rounded) round_weights(network);
    const auto parameters = embed::folded_parameters(network, info_of(shape));
    const std::size_t count = 5;
    const auto bytes = made_up::crops(count, shape.height, shape.width, shape.channels);
    const auto right = expected(network, bytes, shape, count);
    for (const Kernels* kernels : all_kernels()) {
      CpuNet net(parameters, info_of(shape).input, *kernels, 4, 2);
      std::vector<Embedding> got(count);
      net.forward(bytes.data(), 4, got.data());
      net.forward(bytes.data() + bytes.size() / count * 4, 1, got.data() + 4);
      for (std::size_t k = 0; k < count; ++k) {
        EXPECT_GE(cosine(got[k], right[k]), least_cosine(kernels->number))
            << kernels->name << ' ' << shape.height << 'x' << shape.width << ' ' << k;
      }
    }
  }
}

TEST(CpuNet, GivesTheLayersVectors) {
  compare_to_the_layers(/*rounded=*/false);
}

TEST(CpuNet, GivesTheLayersVectorsWithWeightsOfFloat16) {
  compare_to_the_layers(/*rounded=*/true);
}

TEST(CpuNet, Float32IsAsLargeAsTheLayersToo) {
  const Case shape{64, 64, 3, Head::Linear};
  auto network = trained_network(shape);
  const auto bytes = made_up::crops(2, 64, 64, 3);
  const auto right = expected(network, bytes, shape, 2);
  for (const Kernels* kernels : all_kernels()) {
    if (kernels->number != Number::F32) continue;
    CpuNet net(embed::folded_parameters(network, info_of(shape)), info_of(shape).input, *kernels, 2, 1);
    std::vector<Embedding> got(2);
    net.forward(bytes.data(), 2, got.data());
    for (std::size_t i = 0; i < 2; ++i) {
      for (std::size_t k = 0; k < got[i].size(); ++k) {
        EXPECT_NEAR(got[i][k], right[i][k], 1e-4 * (1 + std::abs(right[i][k]))) << kernels->name;
      }
    }
  }
}

void compare_threads_and_batches(const Case& shape, bool rounded) {
  auto network = trained_network(shape);
  if (rounded) round_weights(network);
  const auto parameters = embed::folded_parameters(network, info_of(shape));
  const std::size_t count = 19;
  const auto bytes = made_up::crops(count, shape.height, shape.width, shape.channels);
  for (const Kernels* kernels : all_kernels()) {
    std::vector<Embedding> alone(count);
    CpuNet one(parameters, info_of(shape).input, *kernels, 1, 1);
    for (std::size_t i = 0; i < count; ++i) {
      one.forward(bytes.data() + i * bytes.size() / count, 1, &alone[i]);
    }
    for (const int threads : {1, 2, 3, 5}) {
      CpuNet net(parameters, info_of(shape).input, *kernels, count, threads);
      for (const std::size_t batch : {std::size_t{1}, std::size_t{2}, std::size_t{7}, count}) {
        std::vector<Embedding> got(batch);
        net.forward(bytes.data(), batch, got.data());
        EXPECT_EQ(std::memcmp(got.data(), alone.data(), batch * sizeof(Embedding)), 0)
            << kernels->name << ", " << threads << " threads, batch " << batch;
      }
    }
  }
}

TEST(CpuNet, NeitherThreadsNorBatchChangeABit) {
  compare_threads_and_batches({48, 40, 3, Head::L2}, /*rounded=*/false);
}

TEST(CpuNet, NeitherThreadsNorBatchChangeABitWithWeightsOfFloat16) {
  // Large enough that a picture has several tiles in the last stages.
  compare_threads_and_batches({80, 72, 3, Head::L2}, /*rounded=*/true);
}

std::vector<float> floats(const torch::Tensor& tensor) {
  const torch::Tensor flat = tensor.to(torch::kFloat32).contiguous();
  return {flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel()};
}

TEST(CpuNet, FoldsToTheBitWhatLibTorchFolds) {
  const torch::NoGradGuard no_grad;
  const Case shape{64, 64, 3, Head::L2};
  const auto network = trained_network(shape);
  const auto parameters = embed::folded_parameters(network, info_of(shape));
  const auto input = embed::input_scale_shift(network, info_of(shape).input);
  EXPECT_EQ(parameters.input_scale, floats(input.scale));
  EXPECT_EQ(parameters.input_shift, floats(input.shift));
  EXPECT_EQ(parameters.stem.values, floats(embed::folded_weights(network->stem_conv, &network->stem_bn)));
  EXPECT_EQ(parameters.stem_shift, floats(embed::scale_shift(network->stem_bn).shift));
  const auto& block = *network->stage3->children().front()->as<embed::nn::BasicBlockV2>();
  EXPECT_EQ(parameters.blocks[4].before.scale, floats(embed::scale_shift(block.bn1).scale));
  EXPECT_EQ(parameters.blocks[4].before.shift, floats(embed::scale_shift(block.bn1).shift));
  EXPECT_EQ(parameters.blocks[4].shortcut.values, floats(block.shortcut->weight));
  EXPECT_EQ(parameters.last.deviation, floats(network->final_bn->weight.abs()));
  EXPECT_EQ(parameters.dense_weight, floats(network->dense->weight.t()));
}

TEST(CpuNet, AnEmptyBatchIsNothing) {
  const Case shape{16, 16, 1, Head::L2};
  auto network = trained_network(shape);
  for (const Kernels* kernels : all_kernels()) {
    CpuNet net(embed::folded_parameters(network, info_of(shape)), info_of(shape).input, *kernels, 1, 2);
    net.forward(nullptr, 0, nullptr);
  }
}

}  // namespace
