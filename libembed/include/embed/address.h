// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

namespace embed {

/// An address as it may be shown, logged and written down: `rtsp://user:password@host/stream?token=1#t`
/// becomes `rtsp://host/stream`. User, password, query and fragment are removed, even when the password holds
/// an unescaped '/', '@' or '?'. Paths, and any other text that is not a URL, are returned unchanged.
std::string public_address(const std::string& address);

}  // namespace embed
