// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "data/packed_pictures.h"
#include "data/teacher_targets.h"
#include "embed/dataset.h"
#include "embed/model_info.h"
#include "options/train_options.h"

namespace training {

/// Images of one purpose (training or validation) out of the open data sets, with labels 0 … classes − 1.
/// Where there are two kinds of picture, the rows of the first kind come first.
struct ImageList {
  std::vector<PackedPicture> images;        ///< [N], of the sets' own.
  std::vector<std::int64_t> labels;         ///< [N]
  std::vector<const std::string*> sources;  ///< [N], Dataset::source() of each.
  std::size_t classes = 0;
  std::vector<std::string> names;  ///< [classes], the identities'.
  std::size_t first_kind = 0;      ///< Rows of the first kind of picture: size() where there is no other.

  std::size_t size() const noexcept { return images.size(); }
  /// Rows [begin, end) as a list of their own, of one kind, with the same labels and classes.
  ImageList rows(std::size_t begin, std::size_t end) const;
  ImageList of_first_kind() const { return rows(0, first_kind); }
  ImageList of_second_kind() const { return rows(first_kind, size()); }
};

/// Of `set` whole identities in a seeded order until `most` images are there; 0: all. What a run validates on
/// when `set` is its TrainOptions::val. Pointers into `set`, which must outlive the list.
ImageList validation_list(const embed::Dataset& set, std::size_t most, std::uint64_t seed);

/// The network's picture that a packed set is for: size, channels and crop rule; mean and std as they are by
/// default. Throws embed::Error(Format) that names the set and the field.
embed::InputSpec student_input(const embed::Dataset& set);
/// The same for the packed pictures with all that lies around the network's picture.
embed::InputSpec packed_input(const embed::Dataset& set);

/// The data of a run: opens the packed sets, joins identities of the same name, leaves out the small ones and
/// holds identities out for validation. Of two kinds of picture only identities that have both are trained
/// on. The same options give the same lists. Thread-safe once constructed.
class TrainingSet {
 public:
  /// Throws embed::Error(NotFound | Io | Format) for the files, Error(Mismatch) for sets that do not go
  /// together (size, channels, context, crop rule), Error(InvalidArgument) when too little is left to train
  /// or to validate on.
  explicit TrainingSet(const TrainOptions& options);

  const ImageList& train() const noexcept { return train_; }
  const ImageList& validation() const noexcept { return validation_; }
  /// A teacher's vectors of the pictures of train(); empty without TrainOptions::teacher_vectors.
  const TeacherTargets& targets() const noexcept { return targets_; }
  /// For TrainOptions::teacher_init, before anybody asks for them.
  void set_targets(TeacherTargets targets) { targets_ = std::move(targets); }
  /// Size of the packed pictures, at least that of input().
  int width() const noexcept { return width_; }
  int height() const noexcept { return height_; }
  float context() const noexcept { return context_; }
  /// What the network takes: size, channels, mean, std and the crop rule of the packed pictures.
  const embed::InputSpec& input() const noexcept { return input_; }
  /// SHA-256 over the labels and pictures that the lists hold of the first kind: tells data sets apart on
  /// resume.
  const std::string& fingerprint() const noexcept { return fingerprint_; }
  /// The same of the second kind; "-" where there is none.
  const std::string& other_fingerprint() const noexcept { return other_fingerprint_; }

 private:
  void open(const TrainOptions& options);
  void check_same_shape(const embed::Dataset& set, const embed::Dataset& first) const;
  void read_input(const TrainOptions& options);
  void split(const TrainOptions& options);
  void require_pairs(const TrainOptions& options) const;
  std::size_t picture_bytes() const;
  std::string fingerprint_of(const std::vector<ImageList>& lists) const;

  /// An open file, its kind (0 or 1) and whether it is for validation alone.
  struct Source {
    embed::Dataset data;
    std::size_t kind;
    bool validation;
  };
  std::vector<Source> sets_;
  ImageList train_, validation_;
  TeacherTargets targets_;
  int width_ = 0, height_ = 0;
  float context_ = 1.0F;
  embed::InputSpec input_;
  std::string fingerprint_, other_fingerprint_;
};

}  // namespace training
