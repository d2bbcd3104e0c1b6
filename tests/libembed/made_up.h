// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

/// The made-up numbers of scripts/reference/resnet18_v2_numpy.py, bit for bit.
namespace made_up {

/// The values of one of the network's tensors (embed::network_tensors).
std::vector<float> tensor(const std::string& name, const std::vector<std::int64_t>& shape);

/// [count, height, width, channels] bytes.
std::vector<std::uint8_t> crops(int count, int height, int width, int channels);

}  // namespace made_up
