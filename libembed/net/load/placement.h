// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

namespace embed {

/// "auto", "cpu", "cuda" or "cuda:N" → "cpu" or "cuda:N", a device that this build and machine have. Throws
/// Error(InvalidArgument) for any other text and Error(Device) where the device is not there.
std::string resolve_device(const std::string& text);

/// "auto", "fp32", "bf16", "fp16", "int8" → what it is on a resolved device: auto is bf16 on CUDA and on CPUs
/// that multiply it natively, else fp32. Throws Error(InvalidArgument) for any other text.
std::string resolve_precision(const std::string& text, const std::string& device);

}  // namespace embed
