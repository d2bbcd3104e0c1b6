// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "learn/optimizer.h"
#include "losses/distances.h"
#include "losses_golden.h"
#include "losses_of.h"

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
    const torch::Tensor all = distance_matrix(values, values, metric);
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

TEST(Mining, MemoryStandsForRowsOfTheBatch) {
  // The last rows as memory: the loss of the first ones alone among all, with the same gradient.
  for (const Miner miner : {Miner::BatchHard, Miner::SemiHard, Miner::BatchAll, Miner::AllHard}) {
    SCOPED_TRACE(to_string(miner));
    const torch::Tensor all = golden_values().detach(), labels = golden_labels();
    const std::int64_t first = 3;  // class 0 whole: its positives are in the batch
    const TripletLossOptions options{embed::Metric::L2, golden::kMargin, false};
    torch::Tensor values = all.narrow(0, 0, first).clone().set_requires_grad(true);
    Memory memory;
    const std::int64_t rest = golden::kRows - first;
    // Two rows that are not filled yet must not count.
    memory.values = torch::cat({all.narrow(0, first, rest), torch::zeros({2, golden::kWidth})});
    memory.labels = torch::cat({labels.narrow(0, first, rest), torch::full({2}, -1, torch::kInt64)});
    const LossValue with = mined_triplet_loss(values, labels.narrow(0, 0, first), miner, options, memory);
    with.loss.backward();

    // By definition, over the same anchors with the rest as constants.
    torch::Tensor anchors = all.narrow(0, 0, first).clone().set_requires_grad(true);
    const torch::Tensor known = torch::cat({anchors, all.narrow(0, first, rest)});
    std::vector<torch::Tensor> terms;
    for (std::int64_t a = 0; a < first; ++a) {
      const torch::Tensor d = row_distance(known[a].unsqueeze(0).expand_as(known), known, options.metric);
      const auto number = [&](std::int64_t i) { return d[i].item<double>(); };
      std::vector<std::int64_t> negatives;
      for (std::int64_t n = first; n < golden::kRows; ++n) negatives.push_back(n);
      const auto nearer = [&](std::int64_t x, std::int64_t y) { return number(x) < number(y); };
      const std::int64_t nearest = *std::min_element(negatives.begin(), negatives.end(), nearer);
      std::int64_t farthest_positive = a == 0 ? 1 : 0;
      for (std::int64_t p = 0; p < first; ++p) {
        if (p == a) continue;
        if (number(p) > number(farthest_positive)) farthest_positive = p;
        std::int64_t chosen = *std::max_element(negatives.begin(), negatives.end(), nearer);
        for (const std::int64_t n : negatives) {
          if (miner == Miner::BatchAll && number(p) - number(n) + options.margin > 0)
            terms.push_back(triplet_loss(d[p], d[n], options));
          if (miner == Miner::AllHard && number(n) < number(p))
            terms.push_back(triplet_loss(d[p], d[n], options));
          if (number(n) > number(p) && (number(chosen) <= number(p) || number(n) < number(chosen)))
            chosen = n;
        }
        if (miner == Miner::SemiHard) terms.push_back(triplet_loss(d[p], d[chosen], options));
      }
      if (miner == Miner::BatchHard) terms.push_back(triplet_loss(d[farthest_positive], d[nearest], options));
    }
    ASSERT_FALSE(terms.empty());
    const torch::Tensor expected = torch::stack(terms).mean();
    expected.backward();
    EXPECT_NEAR(with.loss.item<double>(), expected.item<double>(), 1e-5);
    EXPECT_LT((values.grad() - anchors.grad()).abs().max().item<double>(), 1e-4);
  }
}

TEST(Mining, CountsKindsAndPercentilesOfTheBatch) {
  // One dimension: class 0 at 0, 1, 4; class 1 at 2 and 10. Squared distances.
  const torch::Tensor values = torch::tensor({0.0F, 1.0F, 4.0F, 2.0F, 10.0F}).reshape({5, 1});
  const torch::Tensor labels = torch::tensor({0, 0, 0, 1, 1}, torch::kInt64);
  const LossValue value =
      mined_triplet_loss(values, labels, Miner::BatchHard, {embed::Metric::SquaredL2, 1, false});
  // Hardest: 16 against 4, 9 against 1, 16 against 4, 64 against 1, 64 against 36: all hard.
  EXPECT_EQ(value.kinds[0].item<int>(), 0);
  EXPECT_EQ(value.kinds[1].item<int>(), 0);
  EXPECT_EQ(value.kinds[2].item<int>(), 5);
  // Positive pairs, each twice: 1, 9, 16, 64; negative ones: 1, 4, 4, 36, 81, 100.
  const std::vector<float> expected = {1, 16, 64, 1, 36, 100};
  for (std::int64_t i = 0; i < 6; ++i)
    EXPECT_NEAR(value.spread.flatten()[i].item<float>(), expected[static_cast<std::size_t>(i)], 1e-4) << i;
  const LossValue none = mined_triplet_loss(values, torch::arange(5), Miner::BatchHard, {});
  EXPECT_TRUE(std::isnan(none.spread[0][1].item<float>())) << "no positive pair, no percentile";
}

TEST(Contrastive, AgreesWithTheDefinitionAndItsGradient) {
  for (const golden::ContrastiveCase& expected : golden::kContrastive) {
    SCOPED_TRACE(embed::to_string(expected.metric));
    torch::Tensor values = golden_values();
    const LossValue value =
        contrastive_loss(values, golden_labels(), {expected.metric, golden::kContrastiveMargin, false});
    EXPECT_NEAR(value.loss.item<double>(), expected.loss, 1e-5 * (1 + expected.loss));
    EXPECT_NEAR(value.active.item<double>(), expected.active, 1e-6);
    value.loss.backward();
    expect_close(values.grad(), expected.gradient, 2e-4);
  }
}

TEST(Mining, OneClassGivesNoSignalAndNoNaN) {
  for (const Miner miner : {Miner::BatchHard, Miner::SemiHard, Miner::BatchAll, Miner::AllHard}) {
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
  LossOptions options;
  options.scale = golden::kScale;
  for (const Loss loss : {Loss::CosFace, Loss::Softmax}) {
    options.loss = loss;
    for (const golden::ClassCase& expected : loss == Loss::CosFace ? golden::kCosFace : golden::kSoftmax) {
      SCOPED_TRACE(to_string(loss));
      const auto function = make_class_loss({options, golden::kClasses, golden::kWidth, torch::kCPU});
      const NamedTensors parameters = function->parameters();
      ASSERT_EQ(parameters.size(), loss == Loss::CosFace ? 1U : 2U);
      torch::Tensor weight = parameters[0].second;
      {
        const torch::NoGradGuard no_grad;
        weight.copy_(matrix(golden::kClassWeight, golden::kClasses));
        if (parameters.size() > 1)
          torch::Tensor(parameters[1].second).copy_(matrix(golden::kClassBias, golden::kClasses).flatten());
      }
      torch::Tensor values = golden_values();
      LossInput batch{values, golden_labels()};
      batch.cos_margin = expected.margin;
      const LossValue value = function->of(batch);
      EXPECT_NEAR(value.loss.item<double>(), expected.loss, 1e-5);
      value.loss.backward();
      expect_close(values.grad(), expected.gradient, 1e-5);
      expect_close(weight.grad(), expected.weight_gradient, 1e-5);
    }
  }
}

TEST(LossRegistry, MakesWhatItsOptionsName) {
  LossOptions options;
  options.loss = Loss::None;
  EXPECT_EQ(make_pair_loss(options), nullptr);
  EXPECT_EQ(make_class_loss({options, 2, 4, torch::kCPU}), nullptr);
  options.loss = Loss::Triplet;
  options.class_loss = ClassLoss::Softmax;
  EXPECT_NE(make_pair_loss(options), nullptr);
  EXPECT_EQ(make_class_loss({options, 2, 4, torch::kCPU})->parameters().back().first, "class_bias");
  EXPECT_EQ(losses_that_heed(kHeedsMargin), "triplet or contrastive");
  EXPECT_EQ(heeded_by(options), kHeedsMargin | kHeedsSoftMargin | kHeedsMiner);
}

TEST(Optimizer, ClipsTheJointNorm) {
  TrainOptions options;
  options.optimizer = OptimizerKind::Sgd;
  options.momentum = 0;
  options.nesterov = false;
  options.weight_decay = 0;
  torch::Tensor a = torch::zeros({2}).set_requires_grad(true), b = torch::zeros({1}).set_requires_grad(true);
  Optimizer optimizer({{"a", a, true}, {"b", b, false}}, options);
  const auto give = [&](float first, float second, float third) {
    a.mutable_grad() = torch::tensor({first, second});
    b.mutable_grad() = torch::tensor({third});
  };
  give(2, 3, 6);  // norm 7
  EXPECT_NEAR(optimizer.step(1, 3.5).item<double>(), 7, 1e-6);
  expect_close(a, {-1, -1.5}, 1e-6);
  expect_close(b, {-3}, 1e-6);
  give(0, 0, 1);
  EXPECT_NEAR(optimizer.step(1, 3.5).item<double>(), 1, 1e-6);
  expect_close(b, {-4}, 1e-6);
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
