// SPDX-License-Identifier: LGPL-2.1-or-later
#include "command_line/console.h"

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <string>

#include "embed/error.h"
#include "embed/printable.h"

namespace command_line {

namespace {

void print_to(std::FILE* out, const char* format, std::va_list arguments) {
  std::va_list again;
  va_copy(again, arguments);
  const int size = std::vsnprintf(nullptr, 0, format, arguments);
  std::string text(size > 0 ? static_cast<std::size_t>(size) + 1 : 1, '\0');
  std::vsnprintf(text.data(), text.size(), format, again);
  va_end(again);
  text.pop_back();
  const std::string shown = embed::printable(text, "\n\t");
  std::fwrite(shown.data(), 1, shown.size(), out);
}

}  // namespace

void print(const char* format, ...) {
  std::va_list arguments;
  va_start(arguments, format);
  print_to(stdout, format, arguments);
  va_end(arguments);
}

void print_error(const char* format, ...) {
  std::va_list arguments;
  va_start(arguments, format);
  print_to(stderr, format, arguments);
  va_end(arguments);
}

void finish_output() {
  errno = 0;
  std::cout.flush();
  const bool written = std::fflush(stdout) == 0 && std::ferror(stdout) == 0 && std::cout.good();
  if (written) return;
  throw embed::Error(
      embed::ErrorCode::Io,
      std::string("cannot be written") + (errno == 0 ? "" : std::string(": ") + std::strerror(errno)),
      "standard output");
}

}  // namespace command_line
