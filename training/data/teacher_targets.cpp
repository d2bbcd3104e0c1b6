// SPDX-License-Identifier: LGPL-2.1-or-later
#include "data/teacher_targets.h"

#include <algorithm>
#include <cmath>

#include "embed/embedding.h"
#include "embed/error.h"

namespace training {

namespace {

using embed::Error;
using embed::ErrorCode;

constexpr std::size_t kDim = embed::kEmbeddingDim;
/// A vector that is the mean of all has no direction; the division must not blow it up.
constexpr double kSmallestLength = 1e-6;

void require_same(const TeacherVectors& file, const TeacherVectors& first) {
  if (file.teacher() != first.teacher())
    throw Error(ErrorCode::Mismatch, "is by another teacher than " + first.path(), file.path(), "teacher");
  if (to_text(file.views()) != to_text(first.views()))
    throw Error(ErrorCode::Mismatch, "holds other views than " + first.path(), file.path(), "views");
}

/// A student that sees its pictures changed otherwise would learn vectors of views that it never sees.
void require_same_changes(const TeacherVectors& file, const TrainOptions& options) {
  const ViewRule& views = file.views();
  if (views.augmentation == Augmentation::None) return;
  if (views.augmentation == options.augmentation) return;
  throw Error(ErrorCode::Mismatch,
              "was made of pictures changed by " + to_text(views) + ": the same --aug expected", file.path(),
              "views");
}

}  // namespace

Centring::Centring(const float* vectors, std::size_t count) : mean_(kDim) {
  for (std::size_t i = 0; i < count * kDim; ++i) mean_[i % kDim] += static_cast<double>(vectors[i]);
  for (double& value : mean_) value *= kShare / static_cast<double>(count);
}

void Centring::apply(float* vectors, std::size_t count) const {
  if (mean_.empty()) return;
  for (std::size_t row = 0; row < count; ++row, vectors += kDim) {
    double square = 0;
    for (std::size_t i = 0; i < kDim; ++i) square += std::pow(static_cast<double>(vectors[i]) - mean_[i], 2);
    const double length = std::max(kSmallestLength, std::sqrt(square));
    for (std::size_t i = 0; i < kDim; ++i)
      vectors[i] = static_cast<float>((static_cast<double>(vectors[i]) - mean_[i]) / length);
  }
}

TeacherTargets::TeacherTargets(const std::vector<embed::Embedding>& vectors) {
  vectors_.reserve(vectors.size() * kDim);
  for (const embed::Embedding& vector : vectors)
    vectors_.insert(vectors_.end(), vector.begin(), vector.end());
}

TeacherTargets::TeacherTargets(const TrainOptions& options, const std::vector<PackedPicture>& images,
                               const std::vector<const std::string*>& sources, std::size_t bytes)
    : files_(options.teacher_vectors) {
  if (files_.empty()) return;
  std::vector<TeacherVectors> files;
  for (const std::string& path : files_) {
    files.emplace_back(path);
    require_same(files.back(), files.front());
    require_same_changes(files.back(), options);
    digest_ += (digest_.empty() ? "" : " ") + files.back().sha256();
  }
  views_ = files.front().views();
  teacher_ = files.front().teacher();
  const bool changed = views_.augmentation != Augmentation::None;
  vectors_.resize(images.size() * views_.count * kDim);
  std::vector<std::uint8_t> scratch;
  for (std::size_t i = 0; i < images.size(); ++i) {
    const auto holds = [&](const TeacherVectors& file) { return file.row_of(*sources[i]) < file.size(); };
    const auto file = std::find_if(files.begin(), files.end(), holds);
    if (file == files.end()) {
      throw Error(ErrorCode::Mismatch, "has no vector for the picture '" + *sources[i] + "'", files_.front(),
                  "sources");
    }
    const std::size_t row = file->row_of(*sources[i]);
    if (changed && file->digest(row) != picture_digest(images[i].pixels(scratch), bytes)) {
      throw Error(ErrorCode::Mismatch, "saw another picture as '" + *sources[i] + "' than the data hold",
                  file->path(), "pictures");
    }
    rows_.push_back(row);
    file->read_row(row, vectors_.data() + i * views_.count * kDim);
  }
  Centring(vectors_.data(), vectors_.size() / kDim).apply(vectors_.data(), vectors_.size() / kDim);
}

const float* TeacherTargets::vector(std::size_t row, std::size_t epoch) const noexcept {
  return vectors_.data() + (row * views_.count + view_of(row, epoch)) * kDim;
}

std::optional<Rng> TeacherTargets::view(std::size_t row, std::size_t epoch) const {
  if (views_.augmentation == Augmentation::None) return std::nullopt;
  return views_.rng(rows_[row], view_of(row, epoch));
}

}  // namespace training
