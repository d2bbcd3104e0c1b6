// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <vector>

#include "embed/strangers.h"
#include "identity/stranger_groups.h"

namespace embed::identity {

/// A group as users are told of it. `cameras`: what Member::camera counts into.
StrangerGroup told(const Group& group, const std::vector<std::string>& cameras);

}  // namespace embed::identity
