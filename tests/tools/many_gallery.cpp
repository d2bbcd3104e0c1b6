// SPDX-License-Identifier: LGPL-2.1-or-later
#include "many.h"
#include "program/program.h"

namespace many {

const char* const kProgram = "triplet-gallery";

void prepare_process() {
  gallery_tool::prepare_process();
}

int run_program(int argc, char** argv) {
  return gallery_tool::run_program(argc, argv);
}

}  // namespace many
