// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <c10/util/Exception.h>

#include <string>

#include "base/memory_errors.h"
#include "embed/error.h"

namespace embed {

/// Runs the function with LibTorch's errors as ours: its message without the C++ backtrace, behind what was
/// being done ("embedding"). Throws Error(OutOfMemory | Device).
template <typename Function>
auto with_torch_errors(const char* doing, Function&& function) {
  try {
    return with_memory_errors(doing, function);
  } catch (const c10::Error& error) {
    const std::string text = error.what_without_backtrace();
    const bool memory = text.find("out of memory") != std::string::npos ||
                        text.find("not enough memory") != std::string::npos;
    throw Error(memory ? ErrorCode::OutOfMemory : ErrorCode::Device, std::string(doing) + ": " + text);
  }
}

}  // namespace embed
