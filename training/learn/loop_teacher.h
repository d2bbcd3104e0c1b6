// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "data/prefetcher.h"
#include "data/teacher.h"
#include "data/teacher_targets.h"
#include "data/training_set.h"

namespace training {

/// A teacher that looks at each batch as the student sees it. Not thread-safe.
class LoopTeacher {
 public:
  /// Looks at some of the training pictures, unchanged, for the mean of its vectors: the same ones in every
  /// run. `teacher` and `set` outlive this object; `file` is for messages. Throws what TeacherCut and
  /// Teacher::look throw.
  LoopTeacher(Teacher& teacher, const std::string& file, const TrainingSet& set);

  /// Fills batch.targets for `pictures`, [count, height, width, channels] uint8 of the student's size. Throws
  /// what Teacher::look throws.
  void look(const std::uint8_t* pictures, std::size_t count, Batch& batch);
  /// Seconds that look() has taken.
  double seconds() const noexcept { return seconds_; }

 private:
  Teacher& teacher_;
  TeacherCut cut_;
  std::size_t student_bytes_;
  Centring centring_;
  std::vector<std::uint8_t> views_;
  double seconds_ = 0;
};

}  // namespace training
