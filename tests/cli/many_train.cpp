// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/program.h"
#include "many.h"

namespace many {

const char* const kProgram = "triplet-train";

void prepare_process() {
  training::cli::prepare_process();
}

int run_program(int argc, char** argv) {
  return training::cli::run_program(argc, argv);
}

}  // namespace many
