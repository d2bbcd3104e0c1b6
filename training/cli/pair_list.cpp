// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/pair_list.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>

#include "embed/error.h"

namespace training::cli {

namespace {

using embed::Error;
using embed::ErrorCode;

constexpr std::size_t kLargestNumber = 10'000'000;
constexpr std::size_t kMostFolds = 10'000;

/// A number from 1, or nothing.
std::optional<std::size_t> number_in(const std::string& word) {
  std::size_t value = 0;
  const auto [end, code] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (code != std::errc() || end != word.data() + word.size() || value < 1 || value > kLargestNumber)
    return std::nullopt;
  return value;
}

std::string trimmed(const std::string& text) {
  const std::size_t first = text.find_first_not_of(" \r\n"), last = text.find_last_not_of(" \r\n");
  return first == std::string::npos ? std::string() : text.substr(first, last - first + 1);
}

/// Between tabs, as LFW's lists have them; in a list without tabs between blanks.
std::vector<std::string> fields_of(const std::string& line) {
  std::vector<std::string> found;
  if (line.find('\t') == std::string::npos) {
    std::istringstream stream(line);
    for (std::string word; stream >> word;) found.push_back(word);
    return found;
  }
  std::istringstream stream(line);
  for (std::string field; std::getline(stream, field, '\t');) found.push_back(trimmed(field));
  while (!found.empty() && found.back().empty()) found.pop_back();
  return found;
}

/// Words [begin, end) with single blanks between them.
std::string joined(const std::vector<std::string>& words, std::size_t begin, std::size_t end) {
  std::string text;
  for (std::size_t i = begin; i < end; ++i) text += (i == begin ? "" : " ") + words[i];
  return text;
}

class Parser {
 public:
  explicit Parser(const std::string& path) : path_(path), input_(path) {
    if (!input_) throw Error(ErrorCode::NotFound, "cannot be read", path);
  }

  PairList parse() {
    const std::vector<std::string> header = next(kHeader);
    // A pair of paths has two fields at least that are no numbers.
    if (header.size() >= 3 && !(number_in(header[0]) && number_in(header[1]))) {
      parse_paths(header);
    } else {
      parse_lfw(header);
    }
    return std::move(list_);
  }

 private:
  static constexpr const char* kHeader =
      "a first line with the number of pairs, or of folds and pairs, or a line `path1 path2 1`";

  static constexpr const char* kOne = "a pair of one person expected: `name i j`";
  static constexpr const char* kTwo = "a pair of two people expected: `name1 i name2 j`";

  void parse_lfw(const std::vector<std::string>& header) {
    if (header.size() != 1 && header.size() != 2) fail("one or two numbers expected in the first line");
    list_.folds = header.size() == 2 ? number(header[0]) : 1;
    const std::size_t pairs = number(header.back());
    for (std::size_t fold = 0; fold < list_.folds; ++fold) {
      for (std::size_t i = 0; i < pairs; ++i) add(next("a pair `name i j`"), true, fold);
      for (std::size_t i = 0; i < pairs; ++i) add(next("a pair `name1 i name2 j`"), false, fold);
    }
    for (std::string line; read_line(line);) {
      if (!fields_of(line).empty()) fail("more pairs than the first line says");
    }
  }

  void parse_paths(std::vector<std::string> fields) {
    add_paths(fields);
    for (std::string line; read_line(line);) {
      fields = fields_of(line);
      if (!fields.empty()) add_paths(fields);
    }
    std::vector<bool> filled(list_.folds);
    for (const PairList::Pair& pair : list_.pairs) filled[pair.fold] = true;
    const auto empty = std::find(filled.begin(), filled.end(), false);
    if (empty != filled.end())
      fail("no pair of fold " + std::to_string(empty - filled.begin() + 1) + " in the list");
  }

  [[noreturn]] void fail(const std::string& message) const {
    throw Error(ErrorCode::Format, message, path_, "line " + std::to_string(line_));
  }

  /// Without the mark that some editors put ahead of UTF-8.
  bool read_line(std::string& line) {
    ++line_;
    if (!std::getline(input_, line)) return false;
    if (line_ == 1 && line.compare(0, 3, "\xEF\xBB\xBF") == 0) line.erase(0, 3);
    tabs_ = line.find('\t') != std::string::npos;
    return true;
  }

  std::vector<std::string> next(const std::string& expected) {
    std::string line;
    if (!read_line(line)) fail("the list ends here, " + expected + " expected");
    return fields_of(line);
  }

  std::size_t number(const std::string& word) const {
    const std::optional<std::size_t> value = number_in(word);
    if (!value) fail("'" + word + "', a number from 1 expected");
    return *value;
  }

  std::size_t image(const std::string& path) {
    const auto [found, is_new] = ids_.emplace(path, list_.images.size());
    if (is_new) list_.images.push_back(path);
    return found->second;
  }

  std::size_t image(const std::string& name, const std::string& index) {
    if (name.empty()) fail("a name expected ahead of the number " + index);
    std::array<char, 32> file{};
    std::snprintf(file.data(), file.size(), "_%04zu.jpg", number(index));
    return image(name + "/" + name + file.data());
  }

  /// Where the name of the second person begins in words without tabs: behind the only number ahead of the
  /// last.
  std::size_t second_name(const std::vector<std::string>& words) const {
    std::size_t place = 0;
    for (std::size_t i = 1; i + 2 < words.size(); ++i) {
      if (!number_in(words[i])) continue;
      if (place != 0) fail("names with numbers in them: tabs between the fields expected");
      place = i + 1;
    }
    return place;
  }

  void add(const std::vector<std::string>& fields, bool same, std::size_t fold) {
    const std::size_t count = fields.size();
    if (tabs_ && count != (same ? 3U : 4U)) fail(same ? kOne : kTwo);
    const std::size_t second = same || count < 4 ? 0 : second_name(fields);
    if (same && count >= 3) {
      const std::string name = joined(fields, 0, count - 2);
      list_.pairs.push_back({image(name, fields[count - 2]), image(name, fields[count - 1]), true, fold});
    } else if (second != 0) {
      const std::string first = joined(fields, 0, second - 1), other = joined(fields, second, count - 1);
      list_.pairs.push_back({image(first, fields[second - 1]), image(other, fields[count - 1]), false, fold});
    } else {
      fail(same ? kOne : kTwo);
    }
  }

  void add_paths(const std::vector<std::string>& fields) {
    const bool good = (fields.size() == 3 || fields.size() == 4) && !fields[0].empty() &&
                      !fields[1].empty() && (fields[2] == "0" || fields[2] == "1");
    if (!good)
      fail(
          "`path1 path2 1` (one person) or `path1 path2 0` expected; tabs between them where a path has "
          "blanks");
    const std::size_t fold = fields.size() == 4 ? number(fields[3]) : 1;
    if (fold > kMostFolds) fail("at most " + std::to_string(kMostFolds) + " folds expected");
    list_.folds = std::max(list_.folds, fold);
    const std::size_t first = image(fields[0]);
    list_.pairs.push_back({first, image(fields[1]), fields[2] == "1", fold - 1});
  }

  std::string path_;
  std::ifstream input_;
  std::size_t line_ = 0;
  bool tabs_ = false;  // In the line that was read last.
  PairList list_;
  std::map<std::string, std::size_t> ids_;
};

/// Endings of pictures, besides the one that a list of names stands for.
constexpr const char* kEndings[] = {".png", ".jpeg", ".JPG", ".PNG", ".JPEG", ".webp",
                                    ".bmp", ".ppm",  ".pgm", ".tif", ".tiff"};

}  // namespace

PairList read_pairs(const std::string& path) {
  return Parser(path).parse();
}

std::string picture_of(const std::string& root, const std::string& image) {
  namespace fs = std::filesystem;
  const fs::path named = fs::path(root) / image;  // An absolute one stays as it is.
  std::error_code none;
  if (fs::exists(named, none)) return named.string();
  for (const char* ending : kEndings) {
    const fs::path other = fs::path(named).replace_extension(ending);
    if (fs::exists(other, none)) return other.string();
  }
  return named.string();
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
