// SPDX-License-Identifier: LGPL-2.1-or-later
// Batch norm with ReLU in one pass against LibTorch's separate layers in double precision.
#include "learn/norm_relu.h"

#include <gtest/gtest.h>

#include <torch/optim.h>

#include "learn/optimizer.h"

namespace training {
namespace {

struct Result {
  torch::Tensor output, of_input, of_weight, of_bias, mean, var;
};

torch::nn::BatchNorm2d layer(const torch::Tensor& weight, const torch::Tensor& bias) {
  torch::nn::BatchNorm2d norm(torch::nn::BatchNorm2dOptions(weight.size(0)).eps(1e-5).momentum(0.1));
  const torch::NoGradGuard no_grad;
  norm->weight.copy_(weight);
  norm->bias.copy_(bias);
  return norm;
}

/// `direction` is the gradient that comes from above.
template <typename Forward>
Result both_ways(torch::nn::BatchNorm2d norm, torch::Tensor input, const torch::Tensor& direction,
                 Forward forward) {
  input = input.detach().set_requires_grad(true);
  const torch::Tensor output = forward(norm, input);
  output.backward(direction.to(output.scalar_type()));
  return {output.detach().to(torch::kFloat64),     input.grad().to(torch::kFloat64),
          norm->weight.grad().to(torch::kFloat64), norm->bias.grad().to(torch::kFloat64),
          norm->running_mean.to(torch::kFloat64),  norm->running_var.to(torch::kFloat64)};
}

void expect_near(const torch::Tensor& a, const torch::Tensor& b, double tolerance, const char* what) {
  const double scale = std::max(1.0, b.abs().max().item<double>());
  EXPECT_LT((a - b).abs().max().item<double>(), tolerance * scale) << what;
}

/// Against LibTorch in double precision. Values whose sign after the norm hangs on rounding are moved away
/// from zero by the choice of the data: the comparison leaves out none.
void compare(const torch::Tensor& input, bool relu, double tolerance) {
  const std::int64_t channels = input.size(1);
  const torch::Tensor weight = torch::rand({channels}) + 0.5, bias = torch::randn({channels});
  const torch::Tensor direction = torch::randn_like(input, torch::kFloat32);
  const Result ours = both_ways(layer(weight, bias), input, direction,
                                [&](auto& norm, const auto& x) { return norm_relu(*norm, x, relu); });
  auto exact = layer(weight, bias);
  exact->to(torch::kFloat64);
  const Result theirs = both_ways(exact, input.to(torch::kFloat64), direction.to(torch::kFloat64),
                                  [&](auto& norm, const auto& x) {
                                    const torch::Tensor y = norm(x);
                                    return relu ? y.relu() : y;
                                  });
  expect_near(ours.output, theirs.output, tolerance, "output");
  expect_near(ours.of_weight, theirs.of_weight, tolerance * 4, "gradient of the weight");
  expect_near(ours.of_bias, theirs.of_bias, tolerance * 4, "gradient of the bias");
  expect_near(ours.mean, theirs.mean, 1e-5, "running mean");
  expect_near(ours.var, theirs.var, 1e-5, "running variance");
  // Where x̂·γ + β is within rounding of zero, ReLU may let the gradient pass in one and not in the other.
  const torch::Tensor sure = theirs.output.abs()
                                 .gt(tolerance)
                                 .logical_or(torch::full({}, !relu).to(torch::kBool).expand_as(theirs.output))
                                 .logical_or(ours.output.eq(theirs.output));
  EXPECT_GT(sure.to(torch::kFloat64).mean().item<double>(), 0.98);
  expect_near(ours.of_input.mul(sure), theirs.of_input.mul(sure), tolerance * 4, "gradient of the input");
}

TEST(NormRelu, IsBatchNormThenRelu) {
  torch::manual_seed(3);
  for (const bool relu : {false, true}) {
    for (const std::int64_t channels : {1, 3, 32, 48, 64, 129}) {
      SCOPED_TRACE(std::to_string(channels) + (relu ? " channels, relu" : " channels"));
      const torch::Tensor input = torch::randn({5, channels, 9, 7}) * 2 + 1;
      compare(input, relu, 2e-6);
      compare(input.contiguous(torch::MemoryFormat::ChannelsLast), relu, 2e-6);
    }
  }
}

TEST(NormRelu, KeepsItsDigitsFarFromZero) {
  torch::manual_seed(4);
  // Squares around 1e8 with a variance of 1: without a shift nothing of it would be left.
  compare(torch::randn({8, 64, 8, 8}) + 1e4, false, 1e-3);
  const torch::Tensor flat = torch::full({4, 64, 3, 3}, 7.0);
  auto norm = layer(torch::ones({64}), torch::zeros({64}));
  EXPECT_EQ(norm_relu(*norm, flat, true).abs().max().item<float>(), 0);
}

TEST(NormRelu, RoundsBfloat16Once) {
  torch::manual_seed(5);
  const torch::Tensor input = torch::randn({8, 64, 8, 8}).to(torch::kBFloat16);
  compare(input, true, 1.0 / 256);
  auto norm = layer(torch::ones({64}), torch::zeros({64}));
  EXPECT_EQ(norm_relu(*norm, input, true).scalar_type(), torch::kBFloat16);
}

TEST(NormRelu, TakesAnyNumberOfThreads) {
  torch::manual_seed(6);
  const torch::Tensor input = torch::randn({16, 64, 16, 16});
  const int before = torch::get_num_threads();
  for (const int threads : {1, 2, 3}) {
    torch::set_num_threads(threads);
    compare(input, true, 2e-6);
  }
  torch::set_num_threads(before);
}

TEST(NormRelu, LetsNotANumberThrough) {
  torch::Tensor input = torch::randn({2, 64, 4, 4});
  input.data_ptr<float>()[0] = std::nanf("");
  auto norm = layer(torch::ones({64}), torch::zeros({64}));
  EXPECT_TRUE(torch::isnan(norm_relu(*norm, input, true)).any().item<bool>())
      << "a spoiled batch must be seen";
}

/// torch.optim's SGD, step by step, on a copy.
torch::Tensor reference_sgd(torch::Tensor value, const std::vector<torch::Tensor>& gradients, double rate,
                            double momentum, double decay, bool nesterov) {
  torch::optim::SGD optimizer(
      {value.set_requires_grad(true)},
      torch::optim::SGDOptions(rate).momentum(momentum).weight_decay(decay).nesterov(nesterov));
  for (const torch::Tensor& gradient : gradients) {
    value.mutable_grad() = gradient.clone();
    optimizer.step();
  }
  return value.detach();
}

TEST(Optimizer, SgdTakesAnyMemoryLayout) {
  torch::manual_seed(8);
  for (const bool nesterov : {false, true}) {
    for (const bool last : {false, true}) {  // Memory layout.
      const torch::Tensor start =
          torch::randn({40, 30, 7, 7})
              .contiguous(last ? torch::MemoryFormat::ChannelsLast : torch::MemoryFormat::Contiguous);
      std::vector<torch::Tensor> gradients;
      for (int i = 0; i < 4; ++i) gradients.push_back(torch::randn_like(start));
      OptimizerOptions options;
      options.nesterov = nesterov;
      torch::Tensor value = start.clone().set_requires_grad(true);
      Optimizer optimizer({{"value", value, true}}, options);
      for (const torch::Tensor& gradient : gradients) {
        value.mutable_grad() = gradient.clone();
        optimizer.step(0.1);
      }
      const torch::Tensor expected =
          reference_sgd(start.clone(), gradients, 0.1, options.momentum, options.weight_decay, nesterov);
      EXPECT_LT((value.detach() - expected).abs().max().item<double>(), 1e-6);
      EXPECT_GT((value.detach() - start).abs().max().item<double>(), 0.1);
    }
  }
}

}  // namespace
}  // namespace training
