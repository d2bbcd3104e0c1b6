// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

namespace command_line {

/// printf for the standard output and for the standard error. Names and paths among the arguments may hold
/// anything: control characters other than line feeds and tabs are escaped (embed::printable).
[[gnu::format(printf, 1, 2)]] void print(const char* format, ...);
[[gnu::format(printf, 1, 2)]] void print_error(const char* format, ...);

/// Hands what was printed to the system. Throws embed::Error(Io) when any of it could not be written: to a
/// full disk, for one.
void finish_output();

}  // namespace command_line
