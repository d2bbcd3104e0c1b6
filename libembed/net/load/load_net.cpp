// SPDX-License-Identifier: LGPL-2.1-or-later
#include "net/load/load_net.h"

#include <torch/types.h>

#include <utility>

#include "base/usable_cpus.h"
#include "embed/error.h"
#include "embed/nn/weights.h"
#include "net/cpu/cpu_net.h"
#include "net/cuda/make_cuda_net.h"
#include "net/torch/device.h"
#include "net/torch/folding.h"
#include "net/torch/torch_errors.h"
#include "net/torch/torch_net.h"

namespace embed {

namespace {

void check(const EmbedderOptions& options) {
  if (options.batch_size < 1 || options.batch_size > 1024)
    throw Error(ErrorCode::InvalidArgument, "batch-size: 1 to 1024 expected");
  if (options.threads < 0 || options.threads > 1024) {
    throw Error(ErrorCode::InvalidArgument, "threads: 0 (as many as there are CPUs) to 1024 expected");
  }
}

/// Null where LibTorch has to do it.
const cpu::Kernels* own_kernels(const std::string& precision) {
  if (precision == "fp32") return cpu::kernels_for(cpu::Number::F32);
  if (precision == "bf16") return cpu::kernels_for(cpu::Number::BF16);
  return precision == "int8" ? cpu::kernels_for(cpu::Number::U8) : nullptr;
}

std::unique_ptr<Net> make_net(const nn::ResNet18V2& network, const ModelInfo& info, torch::Device device,
                              const std::string& precision, const EmbedderOptions& options) {
  const c10::InferenceMode inference;
  if (device.is_cuda()) {
    return make_cuda_net(folded_parameters(network, info), info.input, device, scalar_type(precision),
                         options.batch_size);
  }
  if (const cpu::Kernels* kernels = own_kernels(precision)) {
    const int threads = options.threads > 0 ? options.threads : usable_cpus();
    return std::make_unique<cpu::CpuNet>(folded_parameters(network, info), info.input, *kernels,
                                         options.batch_size, threads);
  }
  return std::make_unique<TorchNet>(network, info, device, scalar_type(precision));
}

}  // namespace

LoadedNet load_net(const std::string& weights_file, const EmbedderOptions& options) {
  check(options);
  return with_torch_errors("loading", [&] {
    const torch::Device device = parse_device(options.device);
    LoadedNet loaded;
    loaded.precision = resolve_precision(options.precision, device);
    nn::LoadedModel model = nn::load_weights(weights_file);
    loaded.info = std::move(model.info);
    loaded.device = device.str();
    loaded.net = make_net(model.network, loaded.info, device, loaded.precision, options);
    return loaded;
  });
}

std::string placement_of(const EmbedderOptions& options) {
  const torch::Device device = parse_device(options.device);
  return device.str() + ' ' + resolve_precision(options.precision, device);
}

}  // namespace embed
