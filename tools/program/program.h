// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

namespace gallery_tool {

/// Tells the system how this process takes files that grow too large. Once, ahead of run_program.
void prepare_process();

/// triplet-gallery from its arguments to its exit status: 0 done, 1 failed (the reason is on the standard
/// error), 2 wrong usage, 3 done but some inputs were refused. `argv`: [argc] strings, the program's name
/// first. One call at a time.
int run_program(int argc, char** argv) noexcept;

}  // namespace gallery_tool
