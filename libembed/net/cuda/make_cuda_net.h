// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <torch/types.h>

#include <memory>

#include "embed/model_info.h"
#include "net/cpu/net_parameters.h"
#include "net/net.h"

namespace embed {

/// The network on a CUDA device. `precision`: float32, bfloat16 or float16; `batch`: pictures that a pass has
/// at most. Throws c10::Error, Error(Device | Unsupported); Error(Device) in a build without CUDA.
std::unique_ptr<Net> make_cuda_net(const cpu::NetParameters& parameters, const InputSpec& input,
                                   torch::Device device, torch::ScalarType precision, std::size_t batch);

}  // namespace embed
