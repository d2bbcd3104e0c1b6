// SPDX-License-Identifier: LGPL-2.1-or-later
// PROGRAM ITERATIONS [SEED]: changes good files at random, seeded, and feeds them to the target. What
// libFuzzer does with more cunning, on any compiler. PROGRAM 0 FILE: one file, to repeat a finding.
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <string>

#include "fuzz_target.h"

namespace {

using fuzz::Bytes;

const char* const kTokens[] = {"0",
                               "-1",
                               "1e999",
                               "4294967296",
                               "18446744073709551615",
                               "281474976710656",
                               "null",
                               "true",
                               "[]",
                               "{}",
                               "\"\"",
                               "\"F64\"",
                               "[[",
                               "]]",
                               ",",
                               ":",
                               "\\u0000",
                               "\xFF",
                               "NaN",
                               "\"shape\"",
                               "\"dtype\"",
                               "128",
                               "[0,0]",
                               "0.5"};

class Mutator {
 public:
  explicit Mutator(std::uint64_t seed) : random_(seed) {}

  void change(Bytes& bytes) {
    for (std::size_t n = 1 + below(4); n > 0; --n) change_once(bytes);
    // Half of the time the header's length is put right again, else the parser behind it is hardly reached.
    if (bytes.size() >= 8 && below(2) == 0) fix_length(bytes);
  }

  std::size_t below(std::size_t limit) { return limit == 0 ? 0 : random_() % limit; }

 private:
  void change_once(Bytes& bytes) {
    const std::size_t at = below(bytes.size());
    const auto where = bytes.begin() + static_cast<std::ptrdiff_t>(at);
    const std::size_t length = std::min(bytes.size() - at, 1 + below(16));
    const auto end = where + static_cast<std::ptrdiff_t>(length);
    switch (below(7)) {
      case 0:
        if (!bytes.empty()) *where ^= static_cast<std::uint8_t>(1U << below(8));
        break;
      case 1:
        if (!bytes.empty()) *where = static_cast<std::uint8_t>(random_());
        break;
      case 2:
        bytes.erase(where, end);
        break;
      case 3: {
        const Bytes copy(where, end);
        bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(below(bytes.size() + 1)), copy.begin(),
                     copy.end());
        break;
      }
      case 4:
        bytes.resize(below(2) == 0 ? at : bytes.size() + length);
        break;
      default: {
        const std::string token = kTokens[below(std::size(kTokens))];
        if (below(2) == 0) bytes.erase(where, end);
        const auto to = bytes.begin() + static_cast<std::ptrdiff_t>(std::min(at, bytes.size()));
        bytes.insert(to, token.begin(), token.end());
      }
    }
  }

  /// Sets the header's length to where its last brace is.
  static void fix_length(Bytes& bytes) {
    const auto brace = std::find(bytes.rbegin(), bytes.rend(), std::uint8_t{'}'});
    const auto end = static_cast<std::size_t>(bytes.rend() - brace);
    const std::size_t length = end > 8 ? end - 8 : 0;
    for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<std::uint8_t>(length >> (8 * i));
  }

  std::mt19937_64 random_;
};

int run_file(const char* path) {
  std::ifstream file(path, std::ios::binary);
  const Bytes bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  return LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

}  // namespace

int main(int argc, char** argv) {
  const long iterations = argc > 1 ? std::atol(argv[1]) : 1000;
  if (iterations == 0 && argc > 2) return run_file(argv[2]);
  const auto seeds = fuzz::seeds();
  for (const Bytes& seed : seeds) LLVMFuzzerTestOneInput(seed.data(), seed.size());
  Mutator mutator(argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1);
  for (long i = 0; i < iterations; ++i) {
    Bytes bytes = seeds[mutator.below(seeds.size())];
    mutator.change(bytes);
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  }
  std::cout << iterations << " inputs, none broke a promise\n";
  return 0;
}
