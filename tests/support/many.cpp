// SPDX-License-Identifier: LGPL-2.1-or-later
// many-commands: command lines of one program, one after another in one process, for tests that are about
// what a command does and not about its process. LibTorch is loaded once for all of them.
//
// A request on the standard input is a line with a count, then so many strings that end with a zero byte: the
// folder to work in, the files that take the standard output and the standard error, NAME=VALUE settings of
// the environment for this command alone, "--", and the arguments. The answer is a line with the exit status.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "command_line/process.h"
#include "many.h"

namespace {

struct Request {
  std::string folder, output, error;
  std::map<std::string, std::string> settings;
  std::vector<std::string> arguments;
};

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

/// False at the end of the input.
bool read_request(Request& request) {
  std::string count, text;
  if (!std::getline(std::cin, count)) return false;
  std::vector<std::string> strings;
  for (int left = std::stoi(count); left > 0 && std::getline(std::cin, text, '\0'); --left)
    strings.push_back(text);
  request = {strings.at(0), strings.at(1), strings.at(2), {}, {}};
  std::size_t at = 3;
  for (; strings.at(at) != "--"; ++at) {
    const std::size_t equals = strings[at].find('=');
    request.settings[strings[at].substr(0, equals)] = strings[at].substr(equals + 1);
  }
  request.arguments.assign(strings.begin() + static_cast<std::ptrdiff_t>(at) + 1, strings.end());
  return true;
}

/// The environment with some changes, until the end of the scope.
class Environment {
 public:
  explicit Environment(const std::map<std::string, std::string>& settings) {
    for (const auto& [name, value] : settings) {
      const char* old = std::getenv(name.c_str());
      before_[name] = old == nullptr ? std::nullopt : std::optional<std::string>(old);
      setenv(name.c_str(), value.c_str(), 1);
    }
  }
  ~Environment() {
    for (const auto& [name, value] : before_) {
      if (value) {
        setenv(name.c_str(), value->c_str(), 1);
      } else {
        unsetenv(name.c_str());
      }
    }
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  std::map<std::string, std::optional<std::string>> before_;
};

void redirect(const std::string& path, int descriptor) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0 || dup2(file, descriptor) < 0) fail(path);
  close(file);
}

int run(const Request& request) {
  if (chdir(request.folder.c_str()) != 0) fail(request.folder);
  redirect(request.output, STDOUT_FILENO);
  redirect(request.error, STDERR_FILENO);
  const Environment environment(request.settings);
  std::vector<std::string> words = {many::kProgram};
  words.insert(words.end(), request.arguments.begin(), request.arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const int status = many::run_program(static_cast<int>(words.size()), argv.data());
  std::fflush(stdout);
  return status;
}

}  // namespace

int main() {
  many::prepare_process();
  const int answers = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10);
  const int complaints = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
  try {
    Request request;
    while (read_request(request)) dprintf(answers, "%d\n", run(request));
  } catch (const std::exception& error) {
    dprintf(complaints, "many-commands: %s\n", error.what());
    command_line::end_process(1);
  }
  command_line::end_process(0);
}
