// SPDX-License-Identifier: LGPL-2.1-or-later
#include "losses.h"

#include <gtest/gtest.h>

#include "losses_golden.h"
#include "optimizer.h"

namespace training {
namespace {

torch::Tensor matrix(const std::vector<double>& numbers, std::int64_t rows) {
  return torch::tensor(numbers, torch::kFloat64).to(torch::kFloat32).reshape({rows, -1});
}

torch::Tensor golden_values() {
  return matrix(golden::kValues, golden::kRows).set_requires_grad(true);
}
torch::Tensor golden_labels() {
  return torch::tensor(golden::kLabels, torch::kInt64);
}

void expect_close(const torch::Tensor& actual, const std::vector<double>& expected, double tolerance) {
  const torch::Tensor difference =
      (actual.detach().to(torch::kFloat64).flatten() - torch::tensor(expected, torch::kFloat64)).abs();
  EXPECT_LT(difference.max().item<double>(), tolerance) << actual;
}

TEST(TripletLoss, IsTheNotesForHandComputedTriplets) {
  // Anchor (0, 0), positives at squared distances 1, 4, 0.25 and negatives at 9, 4, 1.
  const torch::Tensor anchor = torch::zeros({3, 2});
  const torch::Tensor positive = torch::tensor({1.0F, 0.0F, 0.0F, 2.0F, 0.5F, 0.0F}).reshape({3, 2});
  const torch::Tensor negative = torch::tensor({0.0F, 3.0F, 2.0F, 0.0F, 0.0F, 1.0F}).reshape({3, 2});
  const TripletLossOptions options;
  const torch::Tensor near = row_distance(anchor, positive, options.metric);
  const torch::Tensor far = row_distance(anchor, negative, options.metric);
  expect_close(near, {1, 4, 0.25}, 1e-6);
  expect_close(far, {9, 4, 1}, 1e-6);
  // max(1 − 9 + 1, 0), max(4 − 4 + 1, 0), max(0.25 − 1 + 1, 0): one loss a sample.
  expect_close(triplet_loss(near, far, options), {0, 1, 0.25}, 1e-6);
}

TEST(TripletLoss, SumsTheSquaresOverTheWholeEmbedding) {
  const torch::Tensor ones = torch::ones({1, 128});
  EXPECT_FLOAT_EQ(row_distance(ones, torch::zeros({1, 128}), embed::Metric::SquaredL2).item<float>(), 128.0F);
}

TEST(TripletLoss, CountsKinds) {
  const torch::Tensor near = torch::tensor({1.0F, 1.0F, 2.0F, 1.0F});
  const torch::Tensor far = torch::tensor({3.0F, 1.5F, 1.0F, 1.0F});
  const torch::Tensor kinds = triplet_kinds(near, far, 1.0);
  EXPECT_EQ(kinds[0].item<int>(), 1);
  EXPECT_EQ(kinds[1].item<int>(), 2);  // 1.5, and the tie
  EXPECT_EQ(kinds[2].item<int>(), 1);
}

TEST(TripletLoss, OfflineTripletsLieOneAfterTheOther) {
  const torch::Tensor values = torch::tensor({0.0F, 0.0F, 1.0F, 2.0F, 3.0F, 1.0F}).reshape({6, 1});
  // (0, 1, 3): 1 − 9 + 1 → 0; (0, 2, 1): 4 − 1 + 1 = 4.
  const LossValue value = offline_triplet_loss(values, {});
  EXPECT_FLOAT_EQ(value.loss.item<float>(), 2.0F);
  EXPECT_FLOAT_EQ(value.active.item<float>(), 0.5F);
  EXPECT_EQ(value.kinds[2].item<int>(), 1);
}

TEST(Distances, MatrixAgreesWithRows) {
  const torch::Tensor values = golden_values().detach();
  for (const auto metric :
       {embed::Metric::L1, embed::Metric::L2, embed::Metric::SquaredL2, embed::Metric::Cosine}) {
    const torch::Tensor all = distance_matrix(values, metric);
    for (std::int64_t i = 0; i < golden::kRows; ++i) {
      const torch::Tensor row = row_distance(values[i].unsqueeze(0).expand_as(values), values, metric);
      EXPECT_LT((all[i] - row).abs().max().item<double>(), 2e-3) << embed::to_string(metric);
    }
  }
}

TEST(Mining, AgreesWithTheDefinitionAndItsGradient) {
  for (const golden::MinedCase& expected : golden::kMined) {
    SCOPED_TRACE(std::string(to_string(expected.miner)) + " " + embed::to_string(expected.metric) +
                 (expected.soft ? " soft" : ""));
    torch::Tensor values = golden_values();
    const LossValue value = mined_triplet_loss(values, golden_labels(), expected.miner,
                                               {expected.metric, golden::kMargin, expected.soft});
    EXPECT_NEAR(value.loss.item<double>(), expected.loss, 1e-5 * (1 + expected.loss));
    EXPECT_NEAR(value.active.item<double>(), expected.active, 1e-6);
    value.loss.backward();
    expect_close(values.grad(), expected.gradient, 1e-4);
  }
}

TEST(Mining, OneClassGivesNoSignalAndNoNaN) {
  for (const Miner miner : {Miner::BatchHard, Miner::SemiHard, Miner::BatchAll}) {
    torch::Tensor values = golden_values();
    const LossValue value = mined_triplet_loss(values, torch::zeros({golden::kRows}, torch::kInt64), miner,
                                               {embed::Metric::L2, 1, false});
    value.loss.backward();
    EXPECT_EQ(value.loss.item<float>(), 0.0F) << to_string(miner);
    EXPECT_EQ(values.grad().abs().sum().item<float>(), 0.0F) << to_string(miner);
  }
}

TEST(Mining, EqualEmbeddingsHaveFiniteGradients) {
  for (const auto metric :
       {embed::Metric::L1, embed::Metric::L2, embed::Metric::SquaredL2, embed::Metric::Cosine}) {
    torch::Tensor values = torch::ones({4, 3}).set_requires_grad(true);
    const LossValue value = mined_triplet_loss(values, torch::tensor({0, 0, 1, 1}, torch::kInt64),
                                               Miner::BatchHard, {metric, 0.5, false});
    value.loss.backward();
    EXPECT_NEAR(value.loss.item<float>(), 0.5F, 1e-5F);
    EXPECT_TRUE(torch::isfinite(values.grad()).all().item<bool>()) << embed::to_string(metric);
  }
}

TEST(ClassLosses, AgreeWithTheDefinitionAndItsGradient) {
  for (const bool cosface : {true, false}) {
    for (const golden::ClassCase& expected : cosface ? golden::kCosFace : golden::kSoftmax) {
      torch::Tensor values = golden_values();
      torch::Tensor weight = matrix(golden::kClassWeight, golden::kClasses).set_requires_grad(true);
      const torch::Tensor bias = matrix(golden::kClassBias, golden::kClasses).flatten();
      const LossValue value = cosface
                                  ? cosface_loss(values, golden_labels(), weight, golden::kScale,
                                                 expected.margin, expected.smoothing)
                                  : softmax_loss(values, golden_labels(), weight, bias, expected.smoothing);
      EXPECT_NEAR(value.loss.item<double>(), expected.loss, 1e-5);
      value.loss.backward();
      expect_close(values.grad(), expected.gradient, 1e-5);
      expect_close(weight.grad(), expected.weight_gradient, 1e-5);
    }
  }
}

TEST(Optimizer, FollowsTorchOptim) {
  for (const golden::OptimizerCase& expected : golden::kOptimizers) {
    TrainOptions options;
    options.optimizer = expected.kind;
    options.momentum = expected.momentum;
    options.weight_decay = expected.weight_decay;
    options.nesterov = expected.nesterov;
    torch::Tensor value = matrix(golden::kStart, 1).flatten().set_requires_grad(true);
    Optimizer optimizer({{"value", value, true}}, options);
    for (const std::vector<double>& gradient : golden::kGradients) {
      value.mutable_grad() = matrix(gradient, 1).flatten();
      optimizer.step(expected.lr);
      EXPECT_FALSE(value.grad().defined());
    }
    expect_close(value, expected.end, 2e-6);
  }
}

TEST(Optimizer, LeavesBiasesUndecayedAndUntouchedParametersAlone) {
  TrainOptions options;
  options.weight_decay = 0.5;
  torch::Tensor bias = torch::ones({2}).set_requires_grad(true),
                idle = torch::ones({2}).set_requires_grad(true);
  Optimizer optimizer({{"bias", bias, false}, {"idle", idle, true}}, options);
  bias.mutable_grad() = torch::zeros({2});
  optimizer.step(0.1);
  EXPECT_EQ(bias[0].item<float>(), 1.0F);
  EXPECT_EQ(idle[0].item<float>(), 1.0F);
}

}  // namespace
}  // namespace training
