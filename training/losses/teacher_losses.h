// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <torch/types.h>

#include "options/teacher_options.h"

namespace training {

/// What following a teacher costs in one batch.
struct TeacherLoss {
  torch::Tensor loss;    ///< Scalar with gradient: the weighted sum.
  torch::Tensor cosine;  ///< Scalar: mean cosine between the student's and the teacher's vectors.
};

/// `values`: the student's vectors, [N, 128] of length 1; `targets`: the teacher's, [N, 128] centred and of
/// length 1; `rows`: [N] int64, equal where two are views of one picture. The parts, each weighted:
/// - cosine: mean 1 − cos(value, target).
/// - relations: mean squared difference between the cosines of the students' and of the teachers' vectors,
///   over all pairs of the batch (relational distillation, Park et al., 2019).
/// - triplet: the anchor is each view, the positive another view of the same picture, the negative the other
///   picture that errs most; max(d(a,p) − d(a,n) + margin, 0) of cosine distances, where the margin is by how
///   much the teacher's d(a,n) is above its d(a,p). Views that are alone in the batch give nothing.
TeacherLoss teacher_loss(const torch::Tensor& values, const torch::Tensor& targets, const torch::Tensor& rows,
                         const TeacherWeights& weights);

}  // namespace training
