// SPDX-License-Identifier: LGPL-2.1-or-later
#include "trained.h"

#include <torch/types.h>
#include <torch/utils.h>

#include <cmath>
#include <cstring>

#include "made_up_network.h"

namespace trained {

using embed::Embedding;
using embed::Head;

const std::vector<Case>& cases() {
  static const std::vector<Case> cases = {{112, 112, 3, Head::L2},   {64, 64, 3, Head::Linear},
                                          {17, 33, 1, Head::Linear}, {50, 39, 3, Head::Sigmoid},
                                          {16, 16, 3, Head::L2},     {28, 28, 1, Head::L2},
                                          {95, 62, 1, Head::Linear}};
  return cases;
}

embed::ModelInfo info_of(const Case& shape) {
  embed::ModelInfo info;
  info.head = shape.head;
  info.input.height = shape.height;
  info.input.width = shape.width;
  info.input.channels = shape.channels;
  info.input.mean = {0.4F, 0.5F, 0.45F};
  info.input.std = {0.25F, 0.3F, 0.22F};
  return info;
}

embed::nn::ResNet18V2 trained_network(const Case& shape) {
  const torch::NoGradGuard no_grad;
  auto network = made_up::network(shape.channels, shape.head);
  auto bytes = made_up::crops(4, shape.height, shape.width, shape.channels);
  const torch::Tensor batch =
      torch::from_blob(bytes.data(), {4, shape.height, shape.width, shape.channels}, torch::kUInt8);
  // The running statistics become nearly those of this batch, as after 25 passes at the usual 0.1: the
  // network then behaves as a trained one does. All the way there, channels that hardly vary over four
  // pictures would be blown up.
  for (const auto& module : network->modules()) {
    if (auto* norm = module->as<torch::nn::BatchNorm2d>()) norm->options.momentum(0.928);
  }
  network->train();
  network->features(embed::nn::normalise(batch, info_of(shape).input));
  network->eval();
  return network;
}

std::vector<Embedding> expected(embed::nn::ResNet18V2& network, std::vector<std::uint8_t> bytes,
                                const Case& shape, std::size_t count) {
  const torch::NoGradGuard no_grad;
  const torch::Tensor batch = torch::from_blob(
      bytes.data(), {static_cast<std::int64_t>(count), shape.height, shape.width, shape.channels},
      torch::kUInt8);
  const torch::Tensor values =
      network->forward(embed::nn::normalise(batch, info_of(shape).input)).contiguous();
  std::vector<Embedding> out(count);
  std::memcpy(out.data(), values.data_ptr<float>(), count * sizeof(Embedding));
  return out;
}

double cosine(const Embedding& a, const Embedding& b) {
  double dot = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    dot += static_cast<double>(a[i]) * b[i];
    aa += static_cast<double>(a[i]) * a[i];
    bb += static_cast<double>(b[i]) * b[i];
  }
  return dot / std::sqrt(aa * bb);
}

}  // namespace trained
