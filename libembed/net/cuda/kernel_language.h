// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

/// CUDA, as the kernels use it. Where EMBED_KERNELS_ON_CPU is defined the kernels are compiled as plain C++
/// and every thread of theirs runs on the CPU, one after the other: so they are tested where there is no GPU.

#ifdef EMBED_KERNELS_ON_CPU
#include "kernels_on_cpu.h"
#else
#include <cuda_runtime.h>

#include <string>

#include "embed/error.h"

namespace embed::gpu {

/// Queues a kernel of `blocks` blocks of `threads` threads. Throws Error(Device).
template <typename... Parameters, typename... Arguments>
void start(void (*kernel)(Parameters...), dim3 blocks, unsigned threads, cudaStream_t stream,
           const Arguments&... arguments) {
  cudaLaunchConfig_t config{};
  config.gridDim = blocks;
  config.blockDim = dim3(threads);
  config.stream = stream;
  const cudaError_t error = cudaLaunchKernelEx(&config, kernel, arguments...);
  if (error != cudaSuccess) {
    throw Error(ErrorCode::Device, std::string("a CUDA kernel did not start: ") + cudaGetErrorString(error));
  }
}

}  // namespace embed::gpu
#endif

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cmath>
#include <type_traits>

#include "net/cuda/net_steps.h"

namespace embed::gpu {

/// As many values as one access to memory can move.
template <typename T>
struct alignas(16) Vector {
  static constexpr int kLanes = 16 / sizeof(T);
  T lanes[kLanes];
};

/// The float32 numbers that belong to a vector's lanes, read as widely.
template <typename T>
struct alignas(16) LaneFloats {
  float lanes[Vector<T>::kLanes];
};
/// `values`: of all channels; `channel`: the first of a vector's.
template <typename T>
__device__ LaneFloats<T> lane_floats(const float* values, unsigned channel) {
  return *reinterpret_cast<const LaneFloats<T>*>(values + channel);
}

__device__ inline float to_float(float value) {
  return value;
}
__device__ inline float to_float(__nv_bfloat16 value) {
  return __bfloat162float(value);
}
__device__ inline float to_float(__half value) {
  return __half2float(value);
}

template <typename T>
__device__ T rounded(float value);
template <>
__device__ inline float rounded<float>(float value) {
  return value;
}
template <>
__device__ inline __nv_bfloat16 rounded<__nv_bfloat16>(float value) {
  return __float2bfloat16(value);
}
template <>
__device__ inline __half rounded<__half>(float value) {
  return __float2half(value);
}

/// Calls `function` with a null pointer to the CUDA type of a number.
template <typename Function>
void with_type(Number number, Function&& function) {
  switch (number) {
    case Number::F32:
      return function(static_cast<float*>(nullptr));
    case Number::BF16:
      return function(static_cast<__nv_bfloat16*>(nullptr));
    case Number::F16:
      return function(static_cast<__half*>(nullptr));
  }
}

/// Blocks of `threads` threads that give each of `count` items one.
inline dim3 blocks_for(long long count, unsigned threads) {
  return dim3(static_cast<unsigned>((count + threads - 1) / threads));
}

}  // namespace embed::gpu
