// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "embed/model_info.h"
#include "net/cpu/net_parameters.h"

namespace embed::cpu {

/// The float32 values of a network's tensor by its name (network_tensors), in the tensor's order.
using TensorValues = std::function<std::vector<float>(const std::string& name)>;

/// A network's tensors as the numbers that it is computed with. A batch norm with fixed statistics is
/// scale · x + shift (Ioffe and Szegedy 2015); it is worked out in double, so that what is folded is rounded
/// once. The input's is not folded into the stem, whose zero padding stands for zeros after the batch norm.
/// Throws what `values` throws.
NetParameters folded_parameters(const TensorValues& values, const ModelInfo& info);

}  // namespace embed::cpu
