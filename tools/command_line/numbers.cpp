// SPDX-License-Identifier: LGPL-2.1-or-later
#include "command_line/numbers.h"

#include <cmath>
#include <cstdlib>
#include <string>

namespace command_line {

namespace {

/// CLI11 2.1 takes -1 for the largest number that there is, where a number has no sign; later ones refuse it
/// without a word of what is expected. A check comes before either.
std::string refuse_negative(std::string& value) {
  return value.rfind('-', 0) == 0 ? "a whole number from 0 expected, not " + value : std::string();
}

/// For CLI11 NaN lies in every range.
std::string refuse_nan(std::string& value) {
  return std::isnan(std::strtod(value.c_str(), nullptr)) ? "a number expected, not " + value : std::string();
}

}  // namespace

void check_numbers(CLI::App& command) {
  for (CLI::Option* option : command.get_options()) {
    const std::string type = option->get_type_name();
    if (type.rfind("UINT", 0) == 0) option->check(CLI::Validator(refuse_negative, ""));
    if (type.rfind("FLOAT", 0) == 0) option->check(CLI::Validator(refuse_nan, ""));
  }
}

}  // namespace command_line
