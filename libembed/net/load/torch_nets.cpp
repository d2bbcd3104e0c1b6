// SPDX-License-Identifier: LGPL-2.1-or-later
#include "net/load/torch_nets.h"

#include <torch/cuda.h>
#include <torch/types.h>

#include <utility>

#include "embed/error.h"
#include "embed/nn/weights.h"
#include "net/cuda/make_cuda_net.h"
#include "net/torch/torch_errors.h"
#include "net/torch/torch_net.h"

namespace embed {

namespace {

torch::ScalarType scalar_type(const std::string& precision) {
  if (precision == "bf16") return torch::kBFloat16;
  if (precision == "fp16") return torch::kFloat16;
  if (precision == "fp32") return torch::kFloat32;
  throw Error(ErrorCode::Unsupported,
              "precision " + precision + " is for CPUs; take fp32, bf16, fp16, or auto on a GPU");
}

}  // namespace

std::size_t cuda_devices() {
  return torch::cuda::is_available() ? static_cast<std::size_t>(torch::cuda::device_count()) : 0;
}

std::string missing_cuda_device() {
  return "LibTorch sees " + std::to_string(cuda_devices()) +
         " CUDA devices; take device=cpu, or a LibTorch built with CUDA and a working driver";
}

std::unique_ptr<Net> make_gpu_net(const cpu::NetParameters& parameters, const InputSpec& input,
                                  const std::string& device, const std::string& precision,
                                  std::size_t batch) {
  return with_torch_errors("loading", [&] {
    const c10::InferenceMode inference;
    return make_cuda_net(parameters, input, torch::Device(device), scalar_type(precision), batch);
  });
}

std::unique_ptr<Net> make_layers_net(const std::string& weights_file, const std::string& precision,
                                     ModelInfo& info) {
  return with_torch_errors("loading", [&]() -> std::unique_ptr<Net> {
    nn::LoadedModel model = nn::load_weights(weights_file);
    info = std::move(model.info);
    const c10::InferenceMode inference;
    return std::make_unique<TorchNet>(model.network, info, torch::kCPU, scalar_type(precision));
  });
}

}  // namespace embed
