// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/nn/conv3x3.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/nn/functional.h>
#include <torch/utils.h>

#include <tuple>

namespace {

struct Pass {
  torch::Tensor output, of_input, of_weight;
};

template <class Convolution>
Pass pass(const torch::Tensor& input, const torch::Tensor& weight, const torch::Tensor& slope,
          Convolution convolution) {
  const torch::Tensor x = input.detach().clone().set_requires_grad(true);
  const torch::Tensor w = weight.detach().clone().set_requires_grad(true);
  const torch::Tensor y = convolution(x, w);
  (y * slope).sum().backward();
  return {y.detach(), x.grad(), w.grad()};
}

Pass reference(const torch::Tensor& input, const torch::Tensor& weight, const torch::Tensor& slope) {
  return pass(input.to(torch::kFloat64), weight.to(torch::kFloat64), slope.to(torch::kFloat64),
              [](const torch::Tensor& x, const torch::Tensor& w) { return torch::conv2d(x, w, {}, 1, 1); });
}

/// Largest difference in units of the reference's largest value.
double error(const torch::Tensor& got, const torch::Tensor& right) {
  return ((got.to(torch::kFloat64) - right).abs().max() / right.abs().max()).item<double>();
}

// in, out, height, width, images: tiles that fit and that do not, one pixel, an odd number of tiles; pictures
// that do not all go through the weights' gradient at once.
using Shape = std::tuple<int, int, int, int, int>;
const Shape kShapes[] = {{64, 64, 8, 8, 3},   {64, 128, 7, 5, 2}, {128, 64, 1, 1, 5}, {64, 64, 17, 3, 1},
                         {64, 64, 28, 28, 5}, {512, 64, 4, 4, 3}, {64, 512, 2, 2, 9}};

void compare(torch::ScalarType type, double tolerance) {
  torch::manual_seed(3);
  for (const auto& [in, out, height, width, images] : kShapes) {
    const torch::Tensor input = torch::randn({images, in, height, width}).to(type);
    const torch::Tensor weight = torch::randn({out, in, 3, 3}) / 24;
    const torch::Tensor slope = torch::randn({images, out, height, width}).to(type);
    ASSERT_TRUE(embed::nn::conv3x3_is_ours(input, weight));
    const Pass got = pass(input, weight, slope, embed::nn::conv3x3), right = reference(input, weight, slope);
    EXPECT_EQ(got.output.scalar_type(), type);
    EXPECT_EQ(got.of_weight.scalar_type(), torch::kFloat32);
    const std::string shape = std::to_string(in) + "->" + std::to_string(out) + " " + std::to_string(height) +
                              "x" + std::to_string(width);
    EXPECT_LE(error(got.output, right.output), tolerance) << shape;
    EXPECT_LE(error(got.of_input, right.of_input), tolerance) << shape;
    EXPECT_LE(error(got.of_weight, right.of_weight), tolerance) << shape;
  }
}

bool has(torch::ScalarType type) {
  return embed::nn::conv3x3_is_ours(torch::zeros({1, 64, 2, 2}, type), torch::zeros({64, 64, 3, 3}));
}

TEST(Conv3x3, Float32IsTheLayersConvolutionAndGradients) {
  if (!has(torch::kFloat32)) GTEST_SKIP() << "this CPU has no AVX2";
  compare(torch::kFloat32, 2e-5);
}

TEST(Conv3x3, BFloat16IsTheLayersConvolutionAndGradients) {
  if (!has(torch::kBFloat16)) GTEST_SKIP() << "this CPU has no AVX512-BF16";
  compare(torch::kBFloat16, 2e-2);
}

TEST(Conv3x3, ThreadsDoNotChangeABit) {
  const int before = at::get_num_threads();
  for (const auto type : {torch::kFloat32, torch::kBFloat16}) {
    if (!has(type)) continue;
    const torch::Tensor input = torch::randn({7, 64, 19, 19}).to(type),
                        weight = torch::randn({128, 64, 3, 3});
    const torch::Tensor slope = torch::randn({7, 128, 19, 19}).to(type);
    at::set_num_threads(1);
    const Pass one = pass(input, weight, slope, embed::nn::conv3x3);
    for (const int threads : {2, 3}) {
      at::set_num_threads(threads);
      const Pass many = pass(input, weight, slope, embed::nn::conv3x3);
      EXPECT_TRUE(torch::equal(one.output, many.output));
      EXPECT_TRUE(torch::equal(one.of_input, many.of_input));
      EXPECT_TRUE(torch::equal(one.of_weight, many.of_weight));
    }
  }
  at::set_num_threads(before);
}

TEST(Conv3x3, WhatIsNotOursIsTheLayers) {
  const torch::Tensor input = torch::randn({2, 3, 5, 5}), weight = torch::randn({8, 3, 3, 3});
  EXPECT_FALSE(embed::nn::conv3x3_is_ours(input, weight));
  EXPECT_TRUE(torch::allclose(embed::nn::conv3x3(input, weight), torch::conv2d(input, weight, {}, 1, 1)));
}

}  // namespace
