// SPDX-License-Identifier: LGPL-2.1-or-later
#include "convert/whitening.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <random>

#include "embed/nn/weights.h"
#include "error_code.h"
#include "fixtures.h"

namespace training {
namespace {

std::string weights_of(embed::Head head) {
  embed::nn::ResNet18V2Options shape;
  shape.in_channels = 1;
  shape.head = head;
  torch::manual_seed(4);
  embed::ModelInfo info;
  info.head = head;
  info.input.width = info.input.height = 16;
  info.input.channels = 1;
  info.threshold = 0.3F;
  info.far_table = {{{0.1, 0.5F}, {0.01, 0.25F}}, 100};
  const std::string path = fixtures::temp_dir() + "/" + embed::to_string(head) + ".safetensors";
  embed::nn::save_weights(path, embed::nn::ResNet18V2(shape), info);
  return path;
}

/// Embeddings that vary along the first two axes alone, four times as far along the first.
std::vector<embed::Embedding> flat() {
  std::vector<embed::Embedding> embeddings(4000);
  std::mt19937 generator(2);
  std::normal_distribution<float> normal;
  for (embed::Embedding& one : embeddings) {
    one = {};
    one[0] = 4 * normal(generator);
    one[1] = normal(generator);
    one[2] = 0.5F;  // The mean counts for nothing.
  }
  return embeddings;
}

TEST(Whitening, ScalesTheLastLayerAlongTheAxesOfMostSpread) {
  const std::string weights = weights_of(embed::Head::L2), out = fixtures::temp_dir() + "/white.safetensors";
  whiten_weights(weights, flat(), 0.5, out);
  const embed::nn::LoadedModel before = embed::nn::load_weights(weights),
                               after = embed::nn::load_weights(out);
  // Of the layer's rows, how much of each one there is in the new one.
  const torch::Tensor &old = before.network->dense->weight, &made = after.network->dense->weight;
  const torch::Tensor factors = (made * old).sum(1) / old.square().sum(1);
  EXPECT_NEAR(factors[0].item<float>(), 1, 0.01);
  EXPECT_NEAR(factors[1].item<float>(), 4, 0.2) << "as far as the first";
  EXPECT_GT(factors[2].item<float>(), 10) << "no variance, but no infinite factor";
  EXPECT_TRUE(std::isfinite(factors[2].item<float>()));
  EXPECT_TRUE(torch::equal(after.network->stem_conv->weight, before.network->stem_conv->weight));
  EXPECT_FALSE(after.info.threshold);
  EXPECT_TRUE(after.info.far_table.empty());
}

TEST(Whitening, PowerNoughtChangesNothing) {
  const std::string weights = weights_of(embed::Head::L2), out = fixtures::temp_dir() + "/same.safetensors";
  whiten_weights(weights, flat(), 0, out);
  EXPECT_TRUE(torch::allclose(embed::nn::load_weights(out).network->dense->weight,
                              embed::nn::load_weights(weights).network->dense->weight, 1e-5, 1e-7));
}

TEST(Whitening, RefusesWhatItCannotDo) {
  const std::string out = fixtures::temp_dir() + "/refused.safetensors";
  const auto code = [&](embed::Head head, const std::vector<embed::Embedding>& embeddings, double power) {
    return code_of([&] { whiten_weights(weights_of(head), embeddings, power, out); });
  };
  EXPECT_EQ(code(embed::Head::Linear, flat(), 0.2), embed::ErrorCode::InvalidArgument);
  EXPECT_EQ(code(embed::Head::L2, flat(), 0.6), embed::ErrorCode::InvalidArgument);
  EXPECT_EQ(code(embed::Head::L2, std::vector<embed::Embedding>(127), 0.2),
            embed::ErrorCode::InvalidArgument);
}

}  // namespace
}  // namespace training
