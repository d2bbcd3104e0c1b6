// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

namespace training::cli {

/// Tells the system how this process takes files that grow too large and gives memory back. Once, ahead of
/// run_program, before there are other threads.
void prepare_process();

/// triplet-train from its arguments to its exit status: 0 done, 1 failed (the reason is on the standard
/// error), 2 wrong usage. `argv`: [argc] strings, the program's name first. One call at a time.
int run_program(int argc, char** argv) noexcept;

}  // namespace training::cli
