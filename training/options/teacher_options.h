// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <vector>

namespace training {

/// How much each way of following a teacher counts; see teacher_loss().
struct TeacherWeights {
  /// Each vector is as the teacher's.
  double cosine = 1;
  /// The cosines between a batch's vectors are as between the teacher's.
  double relations = 4;
  /// Triplets of which the teacher says how far apart they are to be.
  double triplet = 0;
};

struct TeacherOptions {
  /// ONNX file of a network that looks at each picture as the student sees it.
  std::string teacher;
  /// Or files of its vectors; see TeacherVectors.
  std::vector<std::string> teacher_vectors;
  /// Or the weights that the run starts from: what they know is kept.
  bool teacher_init = false;
  TeacherWeights teacher_weights;
};

/// Whether there is a teacher to learn from.
bool has_teacher(const TeacherOptions& options) noexcept;

}  // namespace training
