// SPDX-License-Identifier: LGPL-2.1-or-later
#include "made_up_network.h"

#include <algorithm>

namespace made_up {

namespace {

void fill(const std::string& name, torch::Tensor target) {
  const std::vector<float> values = tensor(name, target.sizes().vec());
  std::copy(values.begin(), values.end(), target.data_ptr<float>());
}

}  // namespace

embed::nn::ResNet18V2 network(int channels, embed::Head head) {
  const torch::NoGradGuard no_grad;
  embed::nn::ResNet18V2Options options;
  options.in_channels = channels;
  options.head = head;
  embed::nn::ResNet18V2 network(options);
  for (const auto& item : network->named_parameters()) fill(item.key(), item.value());
  for (const auto& item : network->named_buffers()) {
    if (item.value().is_floating_point()) fill(item.key(), item.value());
  }
  network->eval();
  return network;
}

}  // namespace made_up
