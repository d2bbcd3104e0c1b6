// SPDX-License-Identifier: LGPL-2.1-or-later
// triplet-train's command line, a word a line. Behind it stand flags that there are not, as many as no flag
// takes for its values: so the words are looked at, and no command runs.
#include <fcntl.h>
#include <unistd.h>

#include <sstream>

#include "cli/program.h"
#include "fuzz_target.h"

namespace fuzz {

std::vector<Bytes> seeds() {
  std::vector<Bytes> files;
  for (const std::string text :
       {"pack\n--size\n64\n--out\nx\nfolder\n", "train\n--lr=0.1\n--step-at\n0.25\n0.5\n--pk\n2\n3\n",
        "evaluate\n--weights\nw\n--threshold\n0.5\n--far=1e-3\n", "evaluate\n--dta\nx\n",
        "enroll\n--folder\nx\n", "inspect\n--json\n--\nfile\n", "--help-all\n",
        "evaluate\n--far\nnan\n--folds\n-1\n", "teach\n--views\n4\n--shift\n1e999\n",
        "export\n--opset\n99999999999999999999\n", "--version\n"})
    files.emplace_back(text.begin(), text.end());
  return files;
}

}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kMostWords = 32, kGuards = 12;
  static const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  static const int silenced = ::dup2(nowhere, STDERR_FILENO) + ::dup2(nowhere, STDOUT_FILENO);
  if (silenced < 0) return 0;
  std::vector<std::string> words = {"triplet-train"};
  std::istringstream lines(std::string(reinterpret_cast<const char*>(data), size));
  for (std::string word; words.size() < kMostWords && std::getline(lines, word);) {
    // Behind this one all words are files. A zero ends a word.
    if (std::string(word.c_str()) != "--") words.emplace_back(word.c_str());
  }
  words.resize(words.size() + kGuards, "--no-such-flag");
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const int status = training::cli::run_program(static_cast<int>(words.size()), arguments.data());
  if (status != 0 && status != 2) fuzz::broken("wrong usage ends with 2, help with 0");
  return 0;
}
