// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>

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

/// The message of the embed::Error that the call throws, which must have that code; "no error" without one.
inline std::string error_of(const std::function<void()>& call,
                            embed::ErrorCode code = embed::ErrorCode::InvalidArgument) {
  try {
    call();
  } catch (const embed::Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    return error.what();
  }
  return "no error";
}

}  // namespace training
