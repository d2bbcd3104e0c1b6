// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/rng.h"
#include "embed/safetensors.h"
#include "options/train_options.h"

namespace training {

/// Which views of each picture a teacher has looked at.
struct ViewRule {
  std::size_t count = 1;  ///< Views of each picture.
  /// None: the packed picture itself, all of it; a training may then change it as it likes. Else the views
  /// are changed so, and a student sees the same.
  Augmentation augmentation = Augmentation::None;
  std::uint64_t seed = 1;
  bool flip = false;  ///< Each vector is the mean of the view's and of its mirror image's.

  /// What view `view` of the file's row `row` is drawn from.
  Rng rng(std::size_t row, std::size_t view) const;
};

/// As JSON text, for a file's metadata and for messages.
std::string to_text(const ViewRule& rule);

/// The vectors that a teacher gave for a data set's pictures: one safetensors file, which stays open.
/// Vectors are read off it when they are asked for. Thread-safe once constructed.
class TeacherVectors {
 public:
  /// Throws embed::Error(NotFound | Io | Format) that names the file and the field.
  explicit TeacherVectors(const std::string& path);

  const std::string& path() const noexcept { return file_.path(); }
  /// Name, terms and checksum of the teacher as JSON text.
  const std::string& teacher() const noexcept { return teacher_; }
  const ViewRule& views() const noexcept { return views_; }
  std::size_t size() const noexcept { return rows_.size(); }

  /// The row of the picture from that source; size() when there is none.
  std::size_t row_of(const std::string& source) const;
  /// The teacher's vectors of all views of a row into `out`, [views().count, 128]: row < size(). Throws
  /// embed::Error(Io) that names the file.
  void read_row(std::size_t row, float* out) const;
  /// Tells packed pictures apart: picture_digest of the one that the row is of.
  std::int64_t digest(std::size_t row) const noexcept { return digests_[row]; }
  std::string sha256() const { return file_.sha256(); }

 private:
  void read_views();
  void read_sources();
  void check_vectors() const;

  embed::SafetensorsFile file_;
  std::string teacher_;
  ViewRule views_;
  const embed::TensorView* vectors_ = nullptr;
  std::vector<std::int64_t> digests_;
  std::map<std::string, std::size_t> rows_;
};

/// Of a packed picture of `bytes` bytes.
std::int64_t picture_digest(const std::uint8_t* picture, std::size_t bytes);

}  // namespace training
