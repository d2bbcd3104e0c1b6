// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gallery/checks.h"

#include <cmath>
#include <cstddef>
#include <limits>
#include <string_view>

#include "base/utf8_sequence.h"
#include "embed/embedding.h"
#include "embed/error.h"

namespace embed {

namespace {

constexpr std::size_t kLongestText = 4096;

}  // namespace

void check_row(const std::string& name, const float* row) {
  bool finite = true;  // Without a way out of the loop, so that it becomes vector instructions.
  for (std::size_t i = 0; i < kEmbeddingDim; ++i) {
    finite &= std::abs(row[i]) <= std::numeric_limits<float>::max();
  }
  if (finite) return;
  throw Error(ErrorCode::InvalidArgument, "embedding of '" + name + "' has values that are not finite");
}

void check_text(const char* what, const std::string& text) {
  bool good = text.size() <= kLongestText;
  for (std::size_t i = 0; good && i < text.size();) {
    const std::size_t length = utf8_sequence(std::string_view(text).substr(i));
    good = length > 0;
    i += length;
  }
  if (good) return;
  throw Error(ErrorCode::InvalidArgument, std::string(what) + ": UTF-8 text of at most 4096 bytes expected");
}

void check_enrolment(const Enrolment& enrolment) {
  if (enrolment.quality && !(*enrolment.quality >= 0 && *enrolment.quality <= 1))
    throw Error(ErrorCode::InvalidArgument, "quality: 0 to 1 expected");
  if (enrolment.time < 0) throw Error(ErrorCode::InvalidArgument, "time: 0 or more expected");
  check_text("source", enrolment.source);
}

}  // namespace embed
