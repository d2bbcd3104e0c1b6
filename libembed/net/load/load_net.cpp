// SPDX-License-Identifier: LGPL-2.1-or-later
#include "net/load/load_net.h"

#include <future>
#include <utility>

#include "base/memory_errors.h"
#include "base/usable_cpus.h"
#include "embed/error.h"
#include "files/weights_file.h"
#include "net/cpu/cpu_net.h"
#include "net/cpu/folded_parameters.h"
#include "net/load/placement.h"
#include "net/load/torch_nets.h"

namespace embed {

namespace {

void check(const EmbedderOptions& options) {
  if (options.batch_size < 1 || options.batch_size > 1024)
    throw Error(ErrorCode::InvalidArgument, "batch-size: 1 to 1024 expected");
  if (options.threads < 0 || options.threads > 1024) {
    throw Error(ErrorCode::InvalidArgument, "threads: 0 (as many as there are fast CPUs) to 1024 expected");
  }
}

/// Null where LibTorch has to do it.
const cpu::Kernels* own_kernels(const std::string& precision) {
  if (precision == "fp32") return cpu::kernels_for(cpu::Number::F32);
  if (precision == "bf16") return cpu::kernels_for(cpu::Number::BF16);
  if (precision == "fp16") return cpu::kernels_for(cpu::Number::F16);
  return precision == "int8" ? cpu::kernels_for(cpu::Number::U8) : nullptr;
}

/// Reads the weights and lays them out, for our own kernels or (null) for the GPU.
void read_weights(const std::string& weights_file, const EmbedderOptions& options,
                  const cpu::Kernels* kernels, LoadedNet& loaded) {
  const WeightsFile file(weights_file);
  loaded.info = file.info();
  // Takes as long as the rest, and needs nothing of it.
  std::future<std::string> digest =
      std::async(std::launch::async, [&file] { return weights_sha256(file.file(), file.info()); });
  const cpu::NetParameters parameters =
      cpu::folded_parameters([&file](const std::string& name) { return file.values(name); }, file.info());
  if (kernels == nullptr) {
    loaded.net =
        make_gpu_net(parameters, file.info().input, loaded.device, loaded.precision, options.batch_size);
  } else {
    DefaultThreads threads{options.threads, {}};
    if (options.threads == 0) threads = default_threads();
    loaded.net = std::make_unique<cpu::CpuNet>(parameters, file.info().input, *kernels, options.batch_size,
                                               threads.count, std::move(threads.cpus));
  }
  loaded.info.sha256 = digest.get();
}

}  // namespace

LoadedNet load_net(const std::string& weights_file, const EmbedderOptions& options) {
  check(options);
  return with_memory_errors("loading", [&] {
    LoadedNet loaded;
    loaded.device = resolve_device(options.device);
    loaded.precision = resolve_precision(options.precision, loaded.device);
    const bool on_cpu = loaded.device == "cpu";
    const cpu::Kernels* kernels = on_cpu ? own_kernels(loaded.precision) : nullptr;
    if (on_cpu && kernels == nullptr && loaded.precision == "int8") {
      // LibTorch's layers do not compute in it.
      throw Error(ErrorCode::Unsupported,
                  "precision int8 needs a CPU with AVX512-VNNI, or an arm64 one with dot products (since "
                  "Cortex-A55 and A76), and this one has neither; take fp32, or auto");
    }
    if (on_cpu && kernels == nullptr) {
      loaded.net = make_layers_net(weights_file, loaded.precision, loaded.info);
    } else {
      read_weights(weights_file, options, kernels, loaded);
    }
    return loaded;
  });
}

std::string placement_of(const EmbedderOptions& options) {
  const std::string device = resolve_device(options.device);
  return device + ' ' + resolve_precision(options.precision, device);
}

}  // namespace embed
