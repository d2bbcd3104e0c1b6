// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pair_list.h"

#include <array>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <map>
#include <sstream>

#include "embed/error.h"

namespace training::cli {

namespace {

using embed::Error;
using embed::ErrorCode;

std::vector<std::string> words(const std::string& line) {
  std::istringstream stream(line);
  std::vector<std::string> found;
  for (std::string word; stream >> word;) found.push_back(word);
  return found;
}

class Parser {
 public:
  explicit Parser(const std::string& path) : path_(path), input_(path) {
    if (!input_) throw Error(ErrorCode::NotFound, "cannot be read", path);
  }

  PairList parse() {
    const std::vector<std::string> header =
        next("a first line with the number of pairs, or of folds and pairs");
    if (header.size() != 1 && header.size() != 2) fail("one or two numbers expected in the first line");
    list_.folds = header.size() == 2 ? number(header[0]) : 1;
    const std::size_t pairs = number(header.back());
    for (std::size_t fold = 0; fold < list_.folds; ++fold) {
      for (std::size_t i = 0; i < pairs; ++i) add(next("a pair `name i j`"), true, fold);
      for (std::size_t i = 0; i < pairs; ++i) add(next("a pair `name1 i name2 j`"), false, fold);
    }
    for (std::string line; std::getline(input_, line);) {
      ++line_;
      if (!words(line).empty()) fail("more pairs than the first line says");
    }
    return std::move(list_);
  }

 private:
  [[noreturn]] void fail(const std::string& message) const {
    throw Error(ErrorCode::Format, message, path_, "line " + std::to_string(line_));
  }

  std::vector<std::string> next(const std::string& expected) {
    std::string line;
    ++line_;
    if (!std::getline(input_, line)) fail("the list ends here, " + expected + " expected");
    return words(line);
  }

  std::size_t number(const std::string& word) const {
    constexpr std::size_t kLargest = 10'000'000;
    std::size_t value = 0;
    const auto [end, code] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (code != std::errc() || end != word.data() + word.size() || value < 1 || value > kLargest) {
      fail("'" + word + "', a number from 1 expected");
    }
    return value;
  }

  std::size_t image(const std::string& name, const std::string& index) {
    std::array<char, 32> file{};
    std::snprintf(file.data(), file.size(), "_%04zu.jpg", number(index));
    const std::string path = name + "/" + name + file.data();
    const auto [found, is_new] = ids_.emplace(path, list_.images.size());
    if (is_new) list_.images.push_back(path);
    return found->second;
  }

  void add(const std::vector<std::string>& fields, bool same, std::size_t fold) {
    if (same && fields.size() == 3) {
      list_.pairs.push_back({image(fields[0], fields[1]), image(fields[0], fields[2]), true, fold});
    } else if (!same && fields.size() == 4) {
      list_.pairs.push_back({image(fields[0], fields[1]), image(fields[2], fields[3]), false, fold});
    } else {
      fail(same ? "a pair of one person expected: `name i j`"
                : "a pair of two people expected: `name1 i name2 j`");
    }
  }

  std::string path_;
  std::ifstream input_;
  std::size_t line_ = 0;
  PairList list_;
  std::map<std::string, std::size_t> ids_;
};

}  // namespace

PairList read_pairs(const std::string& path) {
  return Parser(path).parse();
}

PairList one_fold(const PairList& list, std::size_t fold) {
  if (fold < 1 || fold > list.folds) {
    throw Error(ErrorCode::InvalidArgument, "--fold " + std::to_string(fold) + ": the list of pairs has " +
                                                std::to_string(list.folds) + " folds");
  }
  PairList result;
  std::map<std::size_t, std::size_t> ids;
  const auto image = [&](std::size_t id) {
    const auto [found, is_new] = ids.emplace(id, result.images.size());
    if (is_new) result.images.push_back(list.images[id]);
    return found->second;
  };
  for (const PairList::Pair& pair : list.pairs) {
    if (pair.fold + 1 != fold) continue;
    const std::size_t first = image(pair.first);
    result.pairs.push_back({first, image(pair.second), pair.same, 0});
  }
  return result;
}

PairList in_folds(PairList list, std::size_t folds) {
  if (list.folds > 1)
    throw Error(ErrorCode::InvalidArgument, "--cross-validate: the list of pairs has folds of its own");
  std::array<std::size_t, 2> dealt{};
  for (PairList::Pair& pair : list.pairs) pair.fold = dealt[pair.same ? 1 : 0]++ % folds;
  if (dealt[0] < folds || dealt[1] < folds) {
    throw Error(ErrorCode::InvalidArgument, "--cross-validate " + std::to_string(folds) + ": the list has " +
                                                std::to_string(dealt[1]) + " pairs of one person and " +
                                                std::to_string(dealt[0]) + " of two");
  }
  list.folds = folds;
  return list;
}

}  // namespace training::cli
