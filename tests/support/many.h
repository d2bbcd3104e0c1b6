// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

/// The program whose command lines many.cpp runs.
namespace many {

extern const char* const kProgram;
void prepare_process();
int run_program(int argc, char** argv);

}  // namespace many
