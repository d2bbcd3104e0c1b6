// SPDX-License-Identifier: LGPL-2.1-or-later
#include "learn/device.h"

#include <ATen/Parallel.h>
#include <torch/cuda.h>

#include <algorithm>

#include "embed/error.h"
#include "embed/parallel.h"
#include "learn/ranks.h"

namespace training {

using embed::Error;
using embed::ErrorCode;

torch::Device training_device(const NetworkOptions& options) {
  const std::string& name = options.device;
  const torch::Device own(torch::kCUDA, static_cast<torch::DeviceIndex>(Ranks::local_rank()));
  if (name == "cpu") return torch::kCPU;
  const bool usable = torch::cuda::is_available();
  if (name == "auto") return usable ? own : torch::Device(torch::kCPU);
  if (name.compare(0, 4, "cuda") != 0) {
    throw Error(ErrorCode::InvalidArgument,
                "--device: auto, cpu, cuda or cuda:N expected, not '" + name + "'");
  }
  if (!usable)
    throw Error(ErrorCode::Device, "--device " + name + ": no usable GPU, or this LibTorch has no CUDA");
  return name == "cuda" ? own : torch::Device(name);
}

/// LibTorch's own default may count two hardware threads as one core.
void set_threads(const NetworkOptions& options) {
  const int share = std::max(1, embed::usable_cpus() / Ranks::local_size());
  at::set_num_threads(options.threads > 0 ? options.threads : share);
}

}  // namespace training
