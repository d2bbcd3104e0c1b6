// SPDX-License-Identifier: LGPL-2.1-or-later
#include "losses/teacher_losses.h"

#include <gtest/gtest.h>
#include <torch/nn.h>

namespace training {
namespace {

namespace F = torch::nn::functional;

torch::Tensor unit(const torch::Tensor& values) {
  return F::normalize(values, F::NormalizeFuncOptions().dim(1));
}

double loss(const torch::Tensor& values, const torch::Tensor& targets, const torch::Tensor& rows,
            const TeacherWeights& weights) {
  return teacher_loss(values, targets, rows, weights).loss.item<double>();
}

TEST(TeacherLoss, IsNothingForWhoSaysWhatTheTeacherSays) {
  torch::manual_seed(1);
  const torch::Tensor vectors = unit(torch::randn({6, 128}));
  const torch::Tensor rows = torch::tensor({0, 1, 2, 0, 1, 2}, torch::kInt64);
  for (const TeacherWeights& weights :
       {TeacherWeights{1, 0, 0}, TeacherWeights{0, 1, 0}, TeacherWeights{0, 0, 1}})
    EXPECT_NEAR(loss(vectors, vectors, rows, weights), 0, 1e-6);
  EXPECT_NEAR(teacher_loss(vectors, vectors, rows, {}).cosine.item<double>(), 1, 1e-6);
}

TEST(TeacherLoss, RelationsAreTheSameInATurnedSpace) {
  torch::manual_seed(2);
  const torch::Tensor vectors = unit(torch::randn({6, 128})), turned = vectors.roll({1}, {1});
  const torch::Tensor rows = torch::arange(6);
  EXPECT_NEAR(loss(vectors, turned, rows, {0, 1, 0}), 0, 1e-6);
  EXPECT_GT(loss(vectors, turned, rows, {1, 0, 0}), 0.5);
}

TEST(TeacherLoss, ByHand) {
  // Two pictures in two views each, along the first two axes.
  torch::Tensor student = torch::zeros({4, 128}), teacher = torch::zeros({4, 128});
  const torch::Tensor rows = torch::tensor({0, 1, 0, 1}, torch::kInt64);
  for (const int i : {0, 2}) teacher[i][0] = 1;
  for (const int i : {1, 3}) teacher[i][1] = 1;
  student.slice(1, 0, 1).fill_(1);  // All alike.
  EXPECT_NEAR(loss(student, teacher, rows, {1, 0, 0}), 0.5, 1e-6);
  // Of 12 ordered pairs the 8 across the pictures have the cosine 1 in the place of 0.
  EXPECT_NEAR(loss(student, teacher, rows, {0, 1, 0}), 8.0 / 12, 1e-6);
  // The student's difference is 0 where the teacher's is 1.
  EXPECT_NEAR(loss(student, teacher, rows, {0, 0, 1}), 1, 1e-6);
  EXPECT_NEAR(loss(student, teacher, rows, {2, 3, 4}), 1 + 2 + 4, 1e-5);
}

TEST(TeacherLoss, ViewsThatAreAloneMakeNoTriplets) {
  torch::manual_seed(3);
  const torch::Tensor student = unit(torch::randn({4, 128})), teacher = unit(torch::randn({4, 128}));
  EXPECT_EQ(loss(student, teacher, torch::arange(4), {0, 0, 1}), 0);
  // One picture alone has no negative.
  EXPECT_EQ(loss(student, teacher, torch::zeros({4}, torch::kInt64), {0, 0, 1}), 0);
}

TEST(TeacherLoss, HasAGradient) {
  torch::manual_seed(4);
  torch::Tensor raw = torch::randn({4, 128}).set_requires_grad(true);
  const torch::Tensor teacher = unit(torch::randn({4, 128}));
  teacher_loss(unit(raw), teacher, torch::tensor({0, 1, 0, 1}, torch::kInt64), {1, 1, 1}).loss.backward();
  EXPECT_TRUE(torch::isfinite(raw.grad()).all().item<bool>());
  EXPECT_GT(raw.grad().norm().item<double>(), 0);
}

}  // namespace
}  // namespace training
