// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <string>

namespace embed {

/// A point in time as RFC 3339 writes it, in UTC and whole milliseconds, rounded down:
/// `2026-02-28T23:59:59.999Z`. `unix_ns`: nanoseconds since 1970-01-01T00:00:00Z, before it or after. Any
/// thread.
std::string utc_text(std::int64_t unix_ns);

}  // namespace embed
