// SPDX-License-Identifier: LGPL-2.1-or-later
#include <cuda_runtime.h>

#include <string>

#include "data/augment/augment_kernels.h"
#include "embed/error.h"

namespace training {

namespace {

constexpr int kThreads = 256;

/// A thread does a run of one pixel.
template <typename Step>
__global__ void each_pixel(Step step, std::int64_t pixels) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= pixels) return;
  const int width = step.width(), height = step.height();
  const int x = static_cast<int>(i % width), y = static_cast<int>(i / width % height);
  step(i / width / height, y, x, x + 1);
}

}  // namespace

void launch_augmentation(const AugmentJob& job, bool faces, void* stream) {
  augment_steps::run_all(job, faces, [&](const auto& step) {
    const std::int64_t pixels = job.count * step.height() * step.width();
    if (pixels == 0) return;
    const auto blocks = static_cast<unsigned>((pixels + kThreads - 1) / kThreads);
    each_pixel<<<blocks, kThreads, 0, static_cast<cudaStream_t>(stream)>>>(step, pixels);
    const cudaError_t error = cudaGetLastError();
    if (error != cudaSuccess) {
      throw embed::Error(
          embed::ErrorCode::Device,
          std::string("augmentation: a CUDA kernel did not start: ") + cudaGetErrorString(error));
    }
  });
}

}  // namespace training
