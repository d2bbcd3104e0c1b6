// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "base/rng.h"
#include "data/packed_pictures.h"
#include "data/teacher_vectors.h"
#include "embed/embedding.h"
#include "options/train_options.h"

namespace training {

/// Brings a teacher's vectors into the form that a student learns from: less most of their mean, of length 1.
/// Vectors of faces share a large common direction, which would hide how faces differ. A rest of it stays: a
/// face that says little lies near the mean, and without the rest its direction would be chance. (dlib's
/// network on LFW's view-1 test people, true accepts at one false one in 10,000: 0.66 with the whole mean
/// left in, 0.69 with none of it, 0.70 with a quarter; of 50 people enrolled with three photographs, 150
/// others of them at 1 % of strangers named: 136, 131 and 136 named right.)
class Centring {
 public:
  /// How much of the mean goes.
  static constexpr double kShare = 0.75;
  Centring() = default;  ///< Changes nothing.
  /// From the vectors of many pictures, [count, 128] float32; count ≥ 1.
  Centring(const float* vectors, std::size_t count);
  /// `vectors`: [count, 128] float32, changed in place.
  void apply(float* vectors, std::size_t count) const;

 private:
  std::vector<double> mean_;  // What goes of it.
};

/// What stored vectors say of a run's training pictures. Thread-safe once constructed.
class TeacherTargets {
 public:
  TeacherTargets() = default;
  /// One vector of length 1 for each training picture, taken as they are.
  explicit TeacherTargets(const std::vector<embed::Embedding>& vectors);
  /// `images` and `sources`: [N] of the training pictures, `bytes` each. Throws embed::Error for a file,
  /// Error(Mismatch) when the files differ in teacher or views, when a picture is in none of them, and for
  /// changed views also when a picture is another than the teacher saw or the options change it otherwise.
  TeacherTargets(const TrainOptions& options, const std::vector<PackedPicture>& images,
                 const std::vector<const std::string*>& sources, std::size_t bytes);

  bool empty() const noexcept { return vectors_.empty(); }
  /// [128] float32 for training picture `row` in that epoch, centred and of length 1.
  const float* vector(std::size_t row, std::size_t epoch) const noexcept;
  /// What the student's picture must be drawn from in that epoch, where the teacher saw a changed view.
  std::optional<Rng> view(std::size_t row, std::size_t epoch) const;

  /// The teacher as JSON text; empty without one.
  const std::string& teacher() const noexcept { return teacher_; }
  /// Of the files, in their order.
  const std::string& digest() const noexcept { return digest_; }

 private:
  std::size_t view_of(std::size_t row, std::size_t epoch) const noexcept {
    return (row + epoch) % views_.count;
  }

  std::vector<std::string> files_;
  ViewRule views_;
  std::string teacher_, digest_;
  std::vector<std::size_t> rows_;  // [N]: of the file that the picture's vectors come from.
  std::vector<float> vectors_;     // [N, views, 128]
};

}  // namespace training
