// SPDX-License-Identifier: LGPL-2.1-or-later
#include "command_line/installation.h"

#include <iostream>
#include <string>

#include "command_line/bash_completion.h"
#include "command_line/man_page.h"

namespace command_line {

bool print_for_installation(const CLI::App& app, int argc, const char* const* argv) {
  const std::string word = argc == 2 ? argv[1] : "";
  if (word == "--man-page")
    std::cout << man_page(app);
  else if (word == "--bash-completion")
    std::cout << bash_completion(app);
  else
    return false;
  return true;
}

}  // namespace command_line
