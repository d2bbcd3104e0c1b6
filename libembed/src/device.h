// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <torch/types.h>

#include <string>

namespace embed {

/// "auto", "cpu", "cuda" or "cuda:N" → a device that this build and machine have. Throws
/// Error(InvalidArgument) for any other text and Error(Device) where the device is not there.
torch::Device parse_device(const std::string& text);

/// "auto", "fp32", "bf16", "fp16" → the tensor type; auto is bf16 on CUDA and on CPUs that multiply it
/// natively, else fp32. Throws Error(InvalidArgument).
torch::ScalarType parse_precision(const std::string& text, torch::Device device);

const char* precision_name(torch::ScalarType precision) noexcept;

}  // namespace embed
