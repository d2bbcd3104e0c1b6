// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "command_line/console.h"

namespace training::cli {

using command_line::finish_output;
using command_line::print;
using command_line::print_error;

}  // namespace training::cli
