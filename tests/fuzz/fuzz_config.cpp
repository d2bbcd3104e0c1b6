// SPDX-License-Identifier: LGPL-2.1-or-later
// What comes before a command's work: a config file with its flags. The command itself finds no file.
#include <fcntl.h>
#include <unistd.h>

#include "cli/program.h"
#include "fuzz_target.h"

namespace fuzz {

std::vector<Bytes> seeds() {
  std::vector<Bytes> files;
  for (const std::string text :
       {"json = true\n", "[pack]\nsize = 64\n[inspect]\njson = false\n# note\n",
        "[train]\nstep-at = [0.25, 0.5]\nout = \"w\"\npk = [2, 3]\n", "[[inspect]]\nfile='x'\n"})
    files.emplace_back(text.begin(), text.end());
  return files;
}

}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  static const int silenced = ::dup2(nowhere, STDERR_FILENO) + ::dup2(nowhere, STDOUT_FILENO);
  if (silenced < 0) return 0;
  const fuzz::MemoryFile input(data, size);
  std::string config = input.path();
  char program[] = "triplet-train", command[] = "inspect", flag[] = "--config", file[] = "/nonexistent";
  char* arguments[] = {program, command, flag, config.data(), file, nullptr};
  const int status = training::cli::run_program(5, arguments);
  if (status < 0 || status > 2) fuzz::broken("a program ends with 0, 1 or 2");
  return 0;
}
