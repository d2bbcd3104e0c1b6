// SPDX-License-Identifier: LGPL-2.1-or-later
// The one fixture that needs LibTorch.
#include "embed/nn/weights.h"

#include <torch/nn.h>

#include <algorithm>
#include <cstring>

#include "embed/nn/resnet18_v2.h"
#include "fixtures.h"

namespace fixtures {

namespace {

/// Sixteen painted pictures as network input, [16, C, H, W] float32.
torch::Tensor painted_batch(const embed::InputSpec& input, std::uint64_t seed) {
  constexpr std::int64_t kPictures = 16;
  torch::Tensor crops = torch::empty({kPictures, input.height, input.width, input.channels}, torch::kUInt8);
  auto* out = crops.data_ptr<std::uint8_t>();
  for (std::int64_t i = 0; i < kPictures; ++i) {
    const auto rgb = rgb_pattern(input.width, input.height, seed * 1000 + static_cast<std::uint64_t>(i));
    for (std::size_t p = 0; p < rgb.size(); p += 3) {
      out = std::copy_n(rgb.data() + p, input.channels, out);
    }
  }
  return embed::nn::normalise(crops, input);
}

/// Makes the running statistics those of one batch.
void settle(embed::nn::ResNet18V2& network, const torch::Tensor& batch) {
  std::vector<torch::nn::BatchNorm2dImpl*> norms;
  for (const auto& module : network->modules()) {
    if (auto* norm = module->as<torch::nn::BatchNorm2d>()) norms.push_back(norm);
  }
  for (auto* norm : norms) norm->options.momentum(1.0);
  network->train();
  network->forward(batch);
  for (auto* norm : norms) norm->options.momentum(0.1);
  network->eval();
}

}  // namespace

std::string write_weights(const std::string& path, const WeightsOptions& options) {
  const torch::NoGradGuard no_grad;
  torch::manual_seed(options.seed);
  embed::nn::ResNet18V2Options shape;
  shape.in_channels = options.input.channels;
  shape.head = options.head;
  embed::nn::ResNet18V2 network(shape);
  settle(network, painted_batch(options.input, options.seed));
  embed::ModelInfo info;
  info.head = options.head;
  info.input = options.input;
  info.metric = options.metric;
  info.threshold = options.threshold;
  info.trained_on = "nothing: random weights of a test";
  embed::nn::save_weights(path, network, info, options.storage);
  return path;
}

}  // namespace fixtures
