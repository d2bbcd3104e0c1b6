// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <new>
#include <string>
#include <system_error>

#include "embed/error.h"

namespace embed {

/// Runs the function with what the C++ library throws for want of memory and threads as ours, behind what was
/// being done ("loading"). Throws Error(OutOfMemory).
template <typename Function>
auto with_memory_errors(const char* doing, Function&& function) {
  try {
    return function();
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::OutOfMemory, std::string(doing) + ": memory was refused");
  } catch (const std::system_error& error) {  // Of a thread that could not be started.
    throw Error(ErrorCode::OutOfMemory, std::string(doing) + ": " + error.what());
  }
}

}  // namespace embed
