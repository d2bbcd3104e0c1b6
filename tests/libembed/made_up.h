// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "embed/nn/resnet18_v2.h"

/// The made-up numbers of scripts/reference/resnet18_v2_numpy.py, bit for bit.
namespace made_up {

/// A network with made-up weights and running statistics, in evaluation mode.
embed::nn::ResNet18V2 network(int channels, embed::Head head);

/// [count, height, width, channels] bytes.
std::vector<std::uint8_t> crops(int count, int height, int width, int channels);

}  // namespace made_up
