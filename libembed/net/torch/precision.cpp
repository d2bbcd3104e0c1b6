// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/nn/precision.h"
#include "net/cpu/native_bf16.h"

namespace embed {

bool nn::has_native_bf16(torch::Device device) {
  return device.is_cuda() || cpu::has_native_bf16();
}

bool nn::prefers_bf16(torch::Device device) {
  return device.is_cuda() || cpu::prefers_bf16();
}

}  // namespace embed
