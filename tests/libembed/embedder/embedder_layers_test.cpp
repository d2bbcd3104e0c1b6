// SPDX-License-Identifier: LGPL-2.1-or-later
// The embedder against the network's LibTorch module.
#include <gtest/gtest.h>
#include <torch/nn.h>

#include <cmath>
#include <string>
#include <vector>

#include "embed/embedder.h"
#include "embed/nn/weights.h"
#include "embedder_fixture.h"
#include "fixtures.h"
#include "made_up_network.h"

namespace {

using namespace embedder_fixture;
using embed::Embedder;
using embed::Head;

/// Least cosine between the embedder's vectors and the module's.
double worst_cosine(const std::string& path, const std::string& precision, std::size_t count = 5) {
  const torch::NoGradGuard no_grad;
  const auto bytes = crops(count);
  const auto got = embed_all(Embedder(path, on_cpu(precision)), bytes);
  auto model = embed::nn::load_weights(path);
  auto copy = bytes;
  const torch::Tensor batch =
      torch::from_blob(copy.data(), {static_cast<std::int64_t>(count), 64, 64, 3}, torch::kUInt8);
  const torch::Tensor expected =
      model.network->forward(embed::nn::normalise(batch, model.info.input)).contiguous();
  double worst = 1;
  for (std::size_t i = 0; i < count; ++i)
    worst = std::min(worst, cosine(got[i], expected.data_ptr<float>() + i * 128));
  return worst;
}

TEST(EmbedderLayers, GivesTheModulesVectors) {
  fixtures::WeightsOptions options;
  options.seed = 31;
  options.input.mean = {0.45F, 0.5F, 0.4F};
  options.input.std = {0.22F, 0.3F, 0.26F};
  for (const Head head : {Head::L2, Head::Linear, Head::Sigmoid}) {
    options.head = head;
    const std::string path = fixtures::write_weights(fixtures::temp_dir() + "/heads.safetensors", options);
    EXPECT_GE(worst_cosine(path, "fp32"), 0.99999) << embed::to_string(head);
  }
  EXPECT_GE(worst_cosine(weights(), "bf16"), 0.999);
}

TEST(EmbedderLayers, MadeUpBatchNormsAreFoldedRight) {
  const std::string path = fixtures::temp_dir() + "/made-up.safetensors";
  embed::ModelInfo info;
  info.head = Head::Linear;
  embed::nn::save_weights(path, made_up::network(3, Head::Linear), info);
  EXPECT_GE(worst_cosine(path, "fp32"), 0.99999);
}

TEST(EmbedderLayers, HalfPrecisionFilesAreServed) {
  for (const embed::DType storage : {embed::DType::F16, embed::DType::BF16}) {
    fixtures::WeightsOptions options;
    options.storage = storage;
    const std::string path = fixtures::write_weights(fixtures::temp_dir() + "/half.safetensors", options);
    EXPECT_GE(worst_cosine(path, "fp32"), 0.99999);
    const auto full = embed_all(shared_embedder(), crops(1)),
               half = embed_all(Embedder(path, on_cpu()), crops(1));
    EXPECT_GE(cosine(full[0], half[0].data()), 0.999);
  }
}

}  // namespace
