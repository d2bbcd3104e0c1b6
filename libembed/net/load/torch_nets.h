// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "embed/model_info.h"
#include "net/cpu/net_parameters.h"
#include "net/net.h"

// What LibTorch is needed for, without its types. A build without LibTorch has none of it.

namespace embed {

/// CUDA devices that this build and machine can compute on.
std::size_t cuda_devices();
/// What is to be said of one that is not there: why, and what to take instead.
std::string missing_cuda_device();

/// The network on a CUDA device ("cuda:N"). `batch`: pictures that a pass has at most. Throws Error(Device |
/// Unsupported | OutOfMemory).
std::unique_ptr<Net> make_gpu_net(const cpu::NetParameters& parameters, const InputSpec& input,
                                  const std::string& device, const std::string& precision, std::size_t batch);

/// The network on LibTorch's layers on the CPU, for precisions that none of our kernels on this CPU computes
/// in; `info` becomes the file's. Throws what reading the file throws, and Error(Unsupported | OutOfMemory |
/// Device).
std::unique_ptr<Net> make_layers_net(const std::string& weights_file, const std::string& precision,
                                     ModelInfo& info);

}  // namespace embed
