// SPDX-License-Identifier: LGPL-2.1-or-later
// triplet-gallery: the people in a gallery. Each command is in its own cmd_*.cpp.
#include "command_line/process.h"
#include "program/program.h"

int main(int argc, char** argv) {
  gallery_tool::prepare_process();
  command_line::end_process(gallery_tool::run_program(argc, argv));
}
