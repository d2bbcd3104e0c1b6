// SPDX-License-Identifier: LGPL-2.1-or-later
#include "data/teach.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "data/augment/augment.h"
#include "data/training_set.h"
#include "embed/embedding.h"
#include "embed/error.h"
#include "embed/preprocess.h"

namespace training {

namespace {

using embed::Error;
using embed::ErrorCode;

/// Views that the teacher looks at in one pass.
constexpr std::size_t kPass = 16;

std::vector<std::string> sources_of(const embed::Dataset& set) {
  std::vector<std::string> sources;
  std::set<std::string> seen;
  for (std::size_t row = 0; row < set.size(); ++row) {
    sources.push_back(set.source(row));
    if (sources.back().empty() || !seen.insert(sources.back()).second) {
      throw Error(
          ErrorCode::Format,
          "picture " + std::to_string(row) + ": a source of its own expected, not '" + sources.back() + "'",
          set.path(), "sources");
    }
  }
  return sources;
}

/// Collects views and hands them to the teacher, as many as one pass takes.
class Pass {
 public:
  Pass(Teacher& teacher, bool flip) : teacher_(teacher), flip_(flip) {}

  /// The view, [height, width, channels] of the teacher's size, whose vector goes to `vector`, [128].
  void add(const std::vector<std::uint8_t>& view, float* vector) {
    pictures_.insert(pictures_.end(), view.begin(), view.end());
    if (flip_) add_mirrored(view);
    targets_.push_back(vector);
    if (targets_.size() >= kPass) finish();
  }
  void finish() {
    const std::size_t each = flip_ ? 2 : 1;
    vectors_.resize(targets_.size() * each * embed::kEmbeddingDim);
    teacher_.look(pictures_.data(), targets_.size() * each, vectors_.data());
    for (std::size_t i = 0; i < targets_.size(); ++i) {
      const float* first = vectors_.data() + i * each * embed::kEmbeddingDim;
      const float* last = first + (each - 1) * embed::kEmbeddingDim;
      for (std::size_t d = 0; d < embed::kEmbeddingDim; ++d) targets_[i][d] = (first[d] + last[d]) / 2;
    }
    pictures_.clear();
    targets_.clear();
  }

 private:
  void add_mirrored(const std::vector<std::uint8_t>& view) {
    const auto channels = static_cast<std::size_t>(teacher_.info().input.channels);
    const std::size_t row = static_cast<std::size_t>(teacher_.info().input.width) * channels;
    for (std::size_t y = 0; y < view.size(); y += row) {
      for (std::size_t x = row; x > 0; x -= channels) {
        const auto pixel = view.begin() + static_cast<std::ptrdiff_t>(y + x - channels);
        pictures_.insert(pictures_.end(), pixel, pixel + static_cast<std::ptrdiff_t>(channels));
      }
    }
  }

  Teacher& teacher_;
  bool flip_;
  std::vector<std::uint8_t> pictures_;
  std::vector<float> vectors_;
  std::vector<float*> targets_;
};

}  // namespace

void teach(const embed::Dataset& set, Teacher& teacher, const std::string& teacher_file,
           const ViewRule& views, const std::string& out, const std::function<void()>& done) {
  const std::vector<std::string> sources = sources_of(set);
  const embed::InputSpec input = student_input(set);
  const bool changed = views.augmentation != Augmentation::None;
  const TeacherCut cut(changed ? input : packed_input(set), teacher.info(), teacher_file);
  Augmenter augmenter(views.augmentation, set.width(), set.height(), input.width, input.height,
                      input.channels);
  std::vector<float> vectors(set.size() * views.count * embed::kEmbeddingDim);
  std::vector<std::int64_t> digests(set.size());
  std::vector<std::uint8_t> student(embed::crop_bytes(input)), view(cut.bytes());
  Pass pass(teacher, views.flip);
  for (std::size_t row = 0; row < set.size(); ++row) {
    const std::vector<std::uint8_t> picture = set.image(row);
    digests[row] = picture_digest(picture.data(), picture.size());
    for (std::size_t v = 0; v < views.count; ++v) {
      Rng rng = views.rng(row, v);
      if (changed) augmenter.apply(picture.data(), rng, student.data());
      cut.cut(changed ? student.data() : picture.data(), view.data());
      pass.add(view, vectors.data() + (row * views.count + v) * embed::kEmbeddingDim);
    }
    done();
  }
  pass.finish();
  const auto rows = static_cast<std::int64_t>(set.size()), each = static_cast<std::int64_t>(views.count);
  const auto dimension = static_cast<std::int64_t>(embed::kEmbeddingDim);
  embed::write_safetensors(out,
                           {{"vectors",
                             {embed::DType::F32,
                              {rows, each, dimension},
                              reinterpret_cast<const std::uint8_t*>(vectors.data()),
                              vectors.size() * sizeof(float)}},
                            {"pictures",
                             {embed::DType::I64,
                              {rows},
                              reinterpret_cast<const std::uint8_t*>(digests.data()),
                              digests.size() * sizeof(std::int64_t)}}},
                           {{"kind", "tripletembed.teacher"},
                            {"version", "1"},
                            {"teacher", teacher_text(teacher.info())},
                            {"views", to_text(views)},
                            {"sources", nlohmann::json(sources).dump()}});
}

}  // namespace training
