// SPDX-License-Identifier: LGPL-2.1-or-later
#include "losses/teacher_losses.h"

#include <algorithm>
#include <limits>

#include "losses/distances.h"

namespace training {

namespace {

/// `student`, `teacher`: [N, N] cosine distances of the batch.
torch::Tensor relation_loss(const torch::Tensor& student, const torch::Tensor& teacher) {
  // The diagonal is 0 in both and counts for nothing in the sum.
  const auto count = static_cast<double>(student.size(0));
  return (student - teacher).square().sum() / std::max(1.0, count * (count - 1));
}

torch::Tensor teacher_triplet_loss(const torch::Tensor& student, const torch::Tensor& teacher,
                                   const torch::Tensor& rows) {
  const torch::Tensor same = rows.unsqueeze(0).eq(rows.unsqueeze(1));
  const torch::Tensor itself = torch::eye(rows.size(0), torch::TensorOptions(rows.device())).to(torch::kBool);
  const torch::Tensor others = same.logical_and(itself.logical_not());
  const torch::Tensor valid = others.any(1);
  const torch::Tensor positive = others.to(torch::kInt64).argmax(1, /*keepdim=*/true);
  // Of every anchor and negative: how far the student is from the teacher's difference.
  const torch::Tensor errors =
      (student.gather(1, positive) - student) + (teacher - teacher.gather(1, positive));
  const torch::Tensor worst =
      std::get<0>(errors.masked_fill(same, -std::numeric_limits<float>::infinity()).max(1)).clamp_min(0);
  const torch::Tensor kept = torch::where(valid, worst, torch::zeros_like(worst));
  return kept.sum() / valid.sum().clamp_min(1);
}

}  // namespace

TeacherLoss teacher_loss(const torch::Tensor& values, const torch::Tensor& targets, const torch::Tensor& rows,
                         const TeacherWeights& weights) {
  const torch::Tensor cosine = (values * targets).sum(1).mean();
  torch::Tensor loss = weights.cosine * (1 - cosine);
  if (weights.relations > 0 || weights.triplet > 0) {
    const torch::Tensor student = distance_matrix(values, values, embed::Metric::Cosine);
    const torch::Tensor teacher = distance_matrix(targets, targets, embed::Metric::Cosine);
    if (weights.relations > 0) loss = loss + weights.relations * relation_loss(student, teacher);
    if (weights.triplet > 0) loss = loss + weights.triplet * teacher_triplet_loss(student, teacher, rows);
  }
  return {loss, cosine.detach()};
}

}  // namespace training
