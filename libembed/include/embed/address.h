// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

namespace embed {

/// An address as it may be shown, logged and written down: `rtsp://user:password@host/stream?token=1#t`
/// becomes `rtsp://host/stream`. User, password, query and fragment go, also from a password with an
/// unescaped '/', '@' or '?' in it. Paths and what else is no URL stay as they are.
std::string public_address(const std::string& address);

}  // namespace embed
