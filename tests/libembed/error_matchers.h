// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "embed/error.h"

namespace testing_errors {

/// Runs `action` and checks that it throws an embed::Error of that code whose text holds every fragment.
template <typename Action>
void expect_error(embed::ErrorCode code, std::initializer_list<std::string> fragments, Action&& action) {
  try {
    action();
    ADD_FAILURE() << "no error, " << embed::to_string(code) << " expected";
  } catch (const embed::Error& error) {
    EXPECT_STREQ(embed::to_string(error.code()), embed::to_string(code)) << error.what();
    for (const std::string& fragment : fragments) EXPECT_THAT(error.what(), ::testing::HasSubstr(fragment));
  } catch (const std::exception& error) {
    ADD_FAILURE() << "not an embed::Error: " << error.what();
  }
}

}  // namespace testing_errors
