// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

namespace embed {

/// The weights file that is used when none is named: what the environment variable TRIPLETEMBED_MODEL names,
/// else the default weights of the installed tree that holds this library, wherever it was moved to, else
/// those of the configured prefix. Throws Error(NotFound) when there is none; its text says how to name a
/// file, and `how` is the caller's word for that, for example "the property 'model'".
std::string default_weights(const std::string& how);

}  // namespace embed
