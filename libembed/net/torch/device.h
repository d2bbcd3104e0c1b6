// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <torch/types.h>

#include <string>

namespace embed {

/// "auto", "cpu", "cuda" or "cuda:N" → a device that this build and machine have. Throws
/// Error(InvalidArgument) for any other text and Error(Device) where the device is not there.
torch::Device parse_device(const std::string& text);

/// "auto", "fp32", "bf16", "fp16", "int8" → what it is on that device: auto is bf16 on CUDA and on CPUs that
/// multiply it natively, else fp32. Throws Error(InvalidArgument) for any other text.
std::string resolve_precision(const std::string& text, torch::Device device);

/// The tensor type of a resolved precision. Throws Error(Unsupported) for int8, which LibTorch's layers do
/// not compute in.
torch::ScalarType scalar_type(const std::string& precision);

}  // namespace embed
