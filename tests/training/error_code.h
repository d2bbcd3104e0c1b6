// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gtest/gtest.h>

#include <functional>

#include "embed/error.h"

namespace training {

/// The code of the embed::Error that the call throws; a failure when it throws none.
inline embed::ErrorCode code_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const embed::Error& error) {
    return error.code();
  }
  ADD_FAILURE() << "no error";
  return embed::ErrorCode::Internal;
}

}  // namespace training
