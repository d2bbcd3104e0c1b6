// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

namespace embed {

/// The weights that are taken when none are named: the environment variable TRIPLETEMBED_MODEL, then the
/// default weights of the installed tree that the library lies in, wherever that was moved to, then those of
/// the configured prefix. Throws Error(NotFound) when there are none, which says how to name a file: `how` is
/// what the caller calls that, "the property 'model'".
std::string default_weights(const std::string& how);

}  // namespace embed
