// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gallery/commands.h"

namespace serve {

/// Adds `serve`, as the functions of gallery/commands.h add theirs.
void add_serve(CLI::App& app, gallery_tool::Action& action);

/// A command that no help shows: serve runs it to read a picture that was sent.
inline constexpr const char* kUploadCommand = "read-upload";

}  // namespace serve
