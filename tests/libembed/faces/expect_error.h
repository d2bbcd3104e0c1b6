// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "embed/error.h"

/// Runs `action` and expects an embed::Error of that code whose text holds every one of `parts`.
inline void expect_error(embed::ErrorCode code, const std::vector<std::string>& parts,
                         const std::function<void()>& action) {
  try {
    action();
    ADD_FAILURE() << "no error, expected " << embed::to_string(code);
  } catch (const embed::Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    for (const std::string& part : parts) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos)
          << '"' << part << "\" is not in: " << error.what();
    }
  }
}
