// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gallery/face_flag.h"

namespace gallery_tool {

namespace {

constexpr const char* kExpected = "largest, centre or all-of N (a whole number from 1) expected";

/// 0 for what is no number from 1 to 1000.
std::size_t count_of(const std::string& word) {
  if (word.empty() || word.size() > 4 || word.find_first_not_of("0123456789") != std::string::npos) return 0;
  const auto count = static_cast<std::size_t>(std::stoul(word));
  return count <= 1000 ? count : 0;
}

}  // namespace

void add_face(CLI::App& command, std::vector<std::string>& words) {
  command
      .add_option("--face", words,
                  "Of a picture with several faces take the largest, the one in the centre (large and near "
                  "it), or all N of them as one person's; without it such pictures and clips are refused")
      ->expected(1, 2)
      ->type_name("largest|centre|all-of N");
}

void take_face(std::vector<std::string> words, std::string& gallery, enrolment::CollectOptions& options) {
  using Which = enrolment::FaceRule::Which;
  if (words.empty()) return;
  const bool all = words.front() == "all-of";
  if (words.size() == 2 && !all && gallery.empty()) {
    gallery = words.back();
    words.pop_back();
  }
  options.face.count = all && words.size() == 2 ? count_of(words.back()) : 0;
  if (all && options.face.count > 0) {
    options.face.which = Which::AllOf;
  } else if (words.size() == 1 && words.front() == "largest") {
    options.face.which = Which::Largest;
  } else if (words.size() == 1 && words.front() == "centre") {
    options.face.which = Which::Centre;
    options.clip.centre = true;
  } else {
    throw CLI::ValidationError("--face", kExpected);
  }
}

}  // namespace gallery_tool
