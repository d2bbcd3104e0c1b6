// SPDX-License-Identifier: LGPL-2.1-or-later
// A build without LibTorch.
#include "embed/error.h"
#include "net/load/torch_nets.h"

namespace embed {

std::size_t cuda_devices() {
  return 0;
}

std::string missing_cuda_device() {
  return "this build is without LibTorch, which CUDA needs; take device=cpu";
}

std::unique_ptr<Net> make_gpu_net(const cpu::NetParameters& /*parameters*/, const InputSpec& /*input*/,
                                  const std::string& device, const std::string& /*precision*/,
                                  std::size_t /*batch*/) {
  throw Error(ErrorCode::Device, "device '" + device + "': " + missing_cuda_device());
}

std::unique_ptr<Net> make_layers_net(const std::string& /*weights_file*/, const std::string& precision,
                                     ModelInfo& /*info*/) {
  throw Error(
      ErrorCode::Unsupported,
      "precision " + precision +
          " is not one that this library computes in on this CPU, and this build is without LibTorch; "
          "take fp32, or auto");
}

}  // namespace embed
