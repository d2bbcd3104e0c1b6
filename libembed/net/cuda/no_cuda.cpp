// SPDX-License-Identifier: LGPL-2.1-or-later
// A build without CUDA's kernels.
#include "embed/error.h"
#include "net/cuda/make_cuda_net.h"

namespace embed {

std::unique_ptr<Net> make_cuda_net(const cpu::NetParameters& /*parameters*/, const InputSpec& /*input*/,
                                   torch::Device device, torch::ScalarType /*precision*/,
                                   std::size_t /*batch*/) {
  throw Error(ErrorCode::Device, "device '" + device.str() + "': this build has no CUDA; take device=cpu");
}

}  // namespace embed
