// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <ATen/autocast_mode.h>
#include <torch/types.h>
#include <torch/version.h>

namespace training {

/// While it lives, LibTorch runs convolutions and matrix products of this thread in bfloat16 and the rest in
/// what is safe, on the kind of device given; weights and gradients stay float32. With `enabled` false it
/// does nothing. One at a time a thread.
class Autocast {
 public:
  Autocast(torch::DeviceType device, bool enabled) : device_(device), enabled_(enabled) {
    if (enabled_) set(true);
  }
  ~Autocast() {
    if (!enabled_) return;
    at::autocast::clear_cache();
    set(false);
  }
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  void set(bool on) const {
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 4)
    at::autocast::set_autocast_dtype(device_, torch::kBFloat16);
    at::autocast::set_autocast_enabled(device_, on);
#else
    if (device_ == torch::kCUDA) {
      at::autocast::set_autocast_gpu_dtype(torch::kBFloat16);
      at::autocast::set_enabled(on);
    } else {
      at::autocast::set_autocast_cpu_dtype(torch::kBFloat16);
      at::autocast::set_cpu_enabled(on);
    }
#endif
  }

  torch::DeviceType device_;
  bool enabled_;
};

}  // namespace training
