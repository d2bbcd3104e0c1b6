// SPDX-License-Identifier: LGPL-2.1-or-later
// The network as it runs on a GPU, on the CPU: the kernels' twins between LibTorch's convolutions.
#include "net/cuda/fused_net.h"

#include <gtest/gtest.h>
#include <torch/nn.h>
#include <torch/utils.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "embed/error.h"
#include "made_up.h"
#include "net/torch/folding.h"
#include "trained.h"

namespace {

using namespace embed::gpu;
using embed::Embedding;
using embed::Head;
using trained::Case;

std::vector<Embedding> embed_by_steps(const FusedNet& net, const std::vector<std::uint8_t>& bytes,
                                      std::int64_t count) {
  const c10::InferenceMode inference;
  const torch::Tensor cells = net.make_cells(count);
  on_cpu::run(PackBytes{bytes.data(), static_cast<int>(count), net.grid(cells)});
  torch::Tensor out = torch::empty({count, 128});
  net.forward(cells, out, FusedNet::Relu::Own, nullptr);
  std::vector<Embedding> vectors(static_cast<std::size_t>(count));
  std::memcpy(vectors.data(), out.data_ptr<float>(), vectors.size() * sizeof(Embedding));
  return vectors;
}

TEST(FusedNet, GivesTheLayersVectors) {
  for (const Case& shape : trained::cases()) {
    auto network = trained::trained_network(shape);
    const auto info = trained::info_of(shape);
    const auto parameters = embed::folded_parameters(network, info);
    const auto bytes = made_up::crops(3, shape.height, shape.width, shape.channels);
    const auto right = trained::expected(network, bytes, shape, 3);
    for (const Number number : {Number::F32, Number::BF16}) {
      const FusedNet net(parameters, info.input, torch::kCPU, number);
      const auto got = embed_by_steps(net, bytes, 3);
      for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_GE(trained::cosine(got[i], right[i]), number == Number::F32 ? 0.999999 : 0.999)
            << shape.height << 'x' << shape.width << ", picture " << i;
      }
    }
  }
}

TEST(FusedNet, Float32IsAsLargeAsTheLayersToo) {
  const Case shape{64, 64, 3, Head::Linear};
  auto network = trained::trained_network(shape);
  const auto info = trained::info_of(shape);
  const auto bytes = made_up::crops(2, 64, 64, 3);
  const auto right = trained::expected(network, bytes, shape, 2);
  const FusedNet net(embed::folded_parameters(network, info), info.input, torch::kCPU, Number::F32);
  const auto got = embed_by_steps(net, bytes, 2);
  for (std::size_t i = 0; i < 2; ++i) {
    for (std::size_t k = 0; k < got[i].size(); ++k) {
      EXPECT_NEAR(got[i][k], right[i][k], 1e-4 * (1 + std::abs(right[i][k])));
    }
  }
}

/// A step's twin against LibTorch's layers in the same precision, which round at other places.
void expect_same(const torch::Tensor& got, const torch::Tensor& expected, Number number) {
  const double step = number == Number::F32 ? 1e-5 : 1.0 / 64;
  EXPECT_TRUE(torch::allclose(got.to(torch::kFloat32), expected.to(torch::kFloat32), step, step))
      << (got.to(torch::kFloat32) - expected.to(torch::kFloat32)).abs().max().item<float>();
}

torch::Tensor nhwc(at::IntArrayRef sizes, Number number) {
  return torch::randn(sizes).to(tensor_type(number)).contiguous(torch::MemoryFormat::ChannelsLast);
}

torch::Tensor each_channel(const torch::Tensor& values) {
  return values.view({1, -1, 1, 1});
}

TEST(StepTwins, AreWhatLayersCompute) {
  torch::manual_seed(3);
  for (const Number number : {Number::F32, Number::BF16}) {
    const torch::Tensor bias = torch::randn({64}), scale = torch::randn({64}), shift = torch::randn({64});
    const torch::Tensor values = nhwc({2, 64, 7, 6}, number), carried = nhwc({2, 64, 7, 6}, number);
    const Extent extent{number, 2 * 7 * 6, 64};
    const torch::Tensor wide = values.to(torch::kFloat32), both = wide + carried.to(torch::kFloat32);

    torch::Tensor activated = values.clone();
    on_cpu::run(BiasRelu{extent, activated.data_ptr(), bias.data_ptr<float>()});
    const torch::Tensor behind_relu = torch::relu(wide + each_channel(bias));
    expect_same(activated, behind_relu, number);

    torch::Tensor sum = torch::empty_like(values), active = torch::empty_like(values);
    on_cpu::run(AddAffineRelu{extent, values.data_ptr(), carried.data_ptr(), scale.data_ptr<float>(),
                              shift.data_ptr<float>(), sum.data_ptr(), active.data_ptr()});
    expect_same(sum, both, number);
    expect_same(active, torch::relu(both * each_channel(scale) + each_channel(shift)), number);

    torch::Tensor pooled = nhwc({2, 64, 4, 3}, number), pooled_active = torch::empty_like(pooled);
    on_cpu::run(StemPool{number, values.data_ptr(), 2, 7, 6, 64, bias.data_ptr<float>(),
                         scale.data_ptr<float>(), shift.data_ptr<float>(), pooled.data_ptr(),
                         pooled_active.data_ptr()});
    const torch::Tensor most = torch::max_pool2d(behind_relu, 3, 2, 1);
    expect_same(pooled, most, number);
    expect_same(pooled_active, torch::relu(most * each_channel(scale) + each_channel(shift)), number);
  }
}

TEST(StepTwins, TheTailIsPoolDenseAndHead) {
  torch::manual_seed(4);
  for (const Number number : {Number::F32, Number::BF16}) {
    for (const Head head : {Head::L2, Head::Linear, Head::Sigmoid}) {
      const torch::Tensor values = nhwc({3, 512, 2, 3}, number), carried = nhwc({3, 512, 2, 3}, number);
      const torch::Tensor scale = torch::randn({512}), shift = torch::randn({512});
      const torch::Tensor weight = torch::randn({512, 128}) / 16, bias = torch::randn({128});
      torch::Tensor out = torch::empty({3, 128});
      on_cpu::run(Tail{number, values.data_ptr(), carried.data_ptr(), 3, 6, scale.data_ptr<float>(),
                       shift.data_ptr<float>(), weight.data_ptr<float>(), bias.data_ptr<float>(), head,
                       out.data_ptr<float>()});
      const torch::Tensor sum = values.to(torch::kFloat32) + carried.to(torch::kFloat32);
      const torch::Tensor mean = torch::relu(sum * each_channel(scale) + each_channel(shift)).mean({2, 3});
      expect_same(out, embed::nn::apply_head(torch::addmm(bias, mean, weight), head), Number::F32);
    }
  }
}

TEST(FusedNet, KnowsItsTensorTypes) {
  for (const Number number : {Number::F32, Number::BF16, Number::F16}) {
    EXPECT_EQ(number_of(tensor_type(number)), number);
  }
  EXPECT_THROW(number_of(torch::kFloat64), embed::Error);
}

}  // namespace
