// SPDX-License-Identifier: LGPL-2.1-or-later
#include "command_line/process.h"

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

#include "command_line/config_file.h"
#include "command_line/console.h"
#include "command_line/installation.h"
#include "command_line/unknown_flag.h"

namespace command_line {

namespace {

/// Says what is wrong with the arguments; or prints the help or the version, which CLI11 takes for an error
/// too.
int explain(CLI::App& app, const CLI::ParseError& error, int argc, char** argv) {
  if (error.get_exit_code() == 0) {
    app.exit(error);
    finish_output();
    return kDone;
  }
  const std::string unknown = unknown_flag(app, argc, argv);
  const std::string file = config_at_fault(app, error.what(), argc, argv);
  if (!unknown.empty()) {
    print_error("%s: %s\n", app.get_name().c_str(), unknown.c_str());
  } else if (!file.empty()) {
    print_error("%s: %s: %s\n", app.get_name().c_str(), file.c_str(), error.what());
  } else {
    app.exit(error);
  }
  return kUsageError;
}

}  // namespace

int run_program(CLI::App& app, const Action& action, int argc, char** argv) noexcept {
  try {
    if (print_for_installation(app, argc, argv)) {
      finish_output();
      return kDone;
    }
    try {
      app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      return explain(app, error, argc, argv);
    }
    const int status = action();
    finish_output();
    return status;
  } catch (const std::exception& error) {
    print_error("%s: %s\n", app.get_name().c_str(), error.what());
  } catch (...) {
    print_error("%s: an error of unknown kind\n", app.get_name().c_str());
  }
  return kFailure;
}

void end_process(int status) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  std::exit(status);  // The sanitizers report then.
#else
  std::fflush(nullptr);
  std::_Exit(status);
#endif
}

}  // namespace command_line
