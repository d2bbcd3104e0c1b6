// SPDX-License-Identifier: LGPL-2.1-or-later
// triplet-train: the command line. Each command is in its own cmd_*.cpp.
#include "cli/program.h"
#include "command_line/process.h"

int main(int argc, char** argv) {
  training::cli::prepare_process();
  command_line::end_process(training::cli::run_program(argc, argv));
}
