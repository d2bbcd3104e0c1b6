// SPDX-License-Identifier: LGPL-2.1-or-later
#include <cuda_runtime.h>

#include <string>

#include "data/augment/augment_kernels.h"
#include "embed/error.h"

namespace training {

namespace {

constexpr int kThreads = 256;

template <typename Step>
__global__ void each_item(Step step, std::int64_t items) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i < items) step(i);
}

}  // namespace

void launch_augmentation(const AugmentJob& job, bool faces, void* stream) {
  augment_steps::run_all(job, faces, [&](const auto& step) {
    const std::int64_t items = step.items();
    if (items == 0) return;
    const auto blocks = static_cast<unsigned>((items + kThreads - 1) / kThreads);
    each_item<<<blocks, kThreads, 0, static_cast<cudaStream_t>(stream)>>>(step, items);
    const cudaError_t error = cudaGetLastError();
    if (error != cudaSuccess) {
      throw embed::Error(
          embed::ErrorCode::Device,
          std::string("augmentation: a CUDA kernel did not start: ") + cudaGetErrorString(error));
    }
  });
}

}  // namespace training
