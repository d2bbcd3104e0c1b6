// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <torch/cuda.h>
#include <torch/types.h>

#include <cstring>
#include <vector>

/// Memory where the kernels under test run: a GPU's, or the process's own where EMBED_KERNELS_ON_CPU is
/// defined.
class DeviceMemory {
 public:
#ifdef EMBED_KERNELS_ON_CPU
  static bool available() {
    return true;
  }
#else
  static bool available() {
    return torch::cuda::is_available();
  }
#endif

  template <typename T>
  explicit DeviceMemory(const std::vector<T>& values) {
    torch::Tensor host = torch::empty({static_cast<std::int64_t>(values.size() * sizeof(T))}, torch::kUInt8);
    std::memcpy(host.data_ptr(), values.data(), values.size() * sizeof(T));
#ifdef EMBED_KERNELS_ON_CPU
    bytes_ = host;
#else
    bytes_ = host.to(torch::kCUDA);
#endif
  }

  /// Waits for what was queued on the default stream.
  template <typename T>
  std::vector<T> read() const {
    const torch::Tensor host = bytes_.to(torch::kCPU);
    std::vector<T> values(static_cast<std::size_t>(host.numel()) / sizeof(T));
    std::memcpy(values.data(), host.data_ptr(), values.size() * sizeof(T));
    return values;
  }

  void* get() {
    return bytes_.data_ptr();
  }
  template <typename T>
  const T* as() const {
    return static_cast<const T*>(bytes_.data_ptr());
  }

 private:
  torch::Tensor bytes_;
};
