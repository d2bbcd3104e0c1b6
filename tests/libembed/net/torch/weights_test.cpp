// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/nn/weights.h"

#include <gtest/gtest.h>
#include <torch/nn.h>

#include <cmath>
#include <filesystem>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "error_matchers.h"
#include "fixtures.h"
#include "made_up_network.h"

namespace {

using embed::DType;
using embed::ErrorCode;
using embed::Head;
using embed::SafetensorsFile;
using embed::TensorView;
using embed::nn::LoadedModel;
using testing_errors::expect_error;

const std::string& good_file() {
  static const std::string path = fixtures::write_weights(fixtures::temp_dir() + "/good-weights.safetensors");
  return path;
}

std::string spoilt_path() {
  return fixtures::temp_dir() + "/spoilt-weights.safetensors";
}

TEST(NetworkTensors, AreThoseOfTheNetwork) {
  for (const int channels : {1, 3}) {
    embed::nn::ResNet18V2Options options;
    options.in_channels = channels;
    const embed::nn::ResNet18V2 network(options);
    std::map<std::string, std::vector<std::int64_t>> shapes;
    for (const auto& item : network->named_parameters()) shapes[item.key()] = item.value().sizes().vec();
    for (const auto& item : network->named_buffers()) {
      if (item.value().is_floating_point()) shapes[item.key()] = item.value().sizes().vec();
    }
    EXPECT_EQ(embed::network_tensors(channels), shapes);
  }
}

/// Copies the good file with its tensors and metadata changed by `spoil(tensors, metadata)`.
template <typename Spoil>
void write_spoilt(Spoil&& spoil) {
  const SafetensorsFile file(good_file());
  auto tensors = file.tensors();
  auto metadata = file.metadata();
  spoil(tensors, metadata);
  embed::write_safetensors(spoilt_path(), tensors, metadata);
}

template <typename Spoil>
void refuse(std::initializer_list<std::string> fragments, Spoil&& spoil) {
  write_spoilt(std::forward<Spoil>(spoil));
  expect_error(ErrorCode::Format, fragments, [] { embed::nn::load_weights(spoilt_path()); });
}

using Tensors = std::map<std::string, TensorView>;
using Metadata = std::map<std::string, std::string>;

double largest_error(const LoadedModel& model, const embed::nn::ResNet18V2& expected, bool statistics) {
  double largest = 0;
  if (statistics) {
    const auto buffers = expected->named_buffers();
    for (const auto& item : model.network->named_buffers()) {
      if (!item.value().is_floating_point()) continue;
      largest = std::max(largest, (item.value() - buffers[item.key()]).abs().max().item<double>());
    }
    return largest;
  }
  const auto parameters = expected->named_parameters();
  for (const auto& item : model.network->named_parameters()) {
    const torch::Tensor relative =
        (item.value() - parameters[item.key()]).abs() / (parameters[item.key()].abs() + 1e-3);
    largest = std::max(largest, relative.max().item<double>());
  }
  return largest;
}

TEST(Weights, EveryStorageComesBack) {
  const auto network = made_up::network(3, Head::Sigmoid);
  const std::pair<DType, double> storages[] = {{DType::F32, 0.0}, {DType::F16, 1e-3}, {DType::BF16, 8e-3}};
  for (const auto& [storage, tolerance] : storages) {
    SCOPED_TRACE(embed::to_string(storage));
    const std::string path = fixtures::temp_dir() + "/stored.safetensors";
    embed::ModelInfo info;
    info.head = Head::Sigmoid;
    info.threshold = 0.5F;
    embed::nn::save_weights(path, network, info, storage);
    const LoadedModel model = embed::nn::load_weights(path);
    EXPECT_FALSE(model.network->is_training());
    EXPECT_EQ(model.info.head, Head::Sigmoid);
    EXPECT_EQ(model.info.threshold, 0.5F);
    EXPECT_EQ(model.info.sha256, embed::weights_sha256(SafetensorsFile(path), model.info));
    EXPECT_LE(largest_error(model, network, false), tolerance);
    EXPECT_EQ(largest_error(model, network, true), 0.0);
    EXPECT_EQ(model.network->dense->weight.scalar_type(), torch::kFloat32);
    const auto size = std::filesystem::file_size(path);
    EXPECT_LT(size, (storage == DType::F32 ? 11'240'512U * 4 : 11'240'512U * 2) + 100'000U);
  }
}

TEST(Weights, GreyNetworksHaveOneChannel) {
  const std::string path = fixtures::temp_dir() + "/grey.safetensors";
  embed::ModelInfo info;
  info.input.channels = 1;
  embed::nn::save_weights(path, made_up::network(1, Head::L2), info);
  EXPECT_EQ(embed::nn::load_weights(path).network->options().in_channels, 1);
}

TEST(Weights, SaveRefusesOtherStorage) {
  for (const DType storage : {DType::F64, DType::I8, DType::U8}) {
    expect_error(ErrorCode::InvalidArgument, {"F32, F16 or BF16"},
                 [&] { embed::nn::save_weights(spoilt_path(), made_up::network(3, Head::L2), {}, storage); });
  }
}

TEST(Weights, NamesMissingAndSuperfluousTensors) {
  refuse({spoilt_path(), "stage3.1.conv2.weight: tensor is missing"},
         [](Tensors& tensors, Metadata&) { tensors.erase("stage3.1.conv2.weight"); });
  refuse({"input_bn.running_var: tensor is missing"},
         [](Tensors& tensors, Metadata&) { tensors.erase("input_bn.running_var"); });
  refuse({"classifier.weight: tensor does not belong to resnet18_v2"},
         [](Tensors& tensors, Metadata&) { tensors["classifier.weight"] = tensors["dense.weight"]; });
  refuse({"tensor is missing"}, [](Tensors& tensors, Metadata&) { tensors.clear(); });
}

TEST(Weights, NamesWrongShapesAndTypes) {
  refuse({"dense.weight: shape [512, 128], [128, 512] expected"}, [](Tensors& tensors, Metadata&) {
    tensors["dense.weight"].shape = {512, 128};
  });
  refuse({"dense.bias: dtype I32, F32, F16 or BF16 expected"},
         [](Tensors& tensors, Metadata&) { tensors["dense.bias"].dtype = DType::I32; });
  refuse({"stem_conv.weight: shape [64, 3, 7, 7], [64, 1, 7, 7] expected"},
         [](Tensors& tensors, Metadata& metadata) {
           std::string& input = metadata["input"];
           input.replace(input.find("\"channels\":3"), 12, "\"channels\":1");
           tensors["input_bn.running_mean"] = {DType::F32, {1}, tensors["dense.bias"].data, 4};
           tensors["input_bn.running_var"] = {DType::F32, {1}, tensors["final_bn.running_var"].data, 4};
         });
}

TEST(Weights, AllFiniteFindsEachKindOfNumberThatIsNot) {
  const float infinite = std::numeric_limits<float>::infinity(), no_number = std::nanf("");
  for (const std::int64_t count : {1, 4096, 9001}) {
    for (const std::int64_t at : {std::int64_t{0}, count / 2, count - 1}) {
      const torch::Tensor values = torch::full({count}, std::numeric_limits<float>::max());
      EXPECT_TRUE(embed::nn::all_finite(values));
      for (const float bad : {infinite, -infinite, no_number, -no_number}) {
        values[at] = bad;
        EXPECT_FALSE(embed::nn::all_finite(values)) << bad << " at " << at << " of " << count;
        EXPECT_FALSE(embed::nn::all_finite(values.to(torch::kBFloat16)));
      }
    }
  }
  EXPECT_TRUE(embed::nn::all_finite(torch::empty({0})));
  // Every second value alone.
  torch::Tensor apart = torch::full({6}, no_number);
  apart.slice(0, 0, 6, 2).zero_();
  EXPECT_TRUE(embed::nn::all_finite(apart.slice(0, 0, 6, 2)));
  EXPECT_FALSE(embed::nn::all_finite(apart.slice(0, 1, 6, 2)));
}

TEST(Weights, RefusesValuesThatAreNotFinite) {
  for (const float bad : {std::nanf(""), std::numeric_limits<float>::infinity(), -HUGE_VALF}) {
    std::vector<float> bias(128, 0.0F);
    bias[127] = bad;
    refuse({"dense.bias: ", "not finite"}, [&](Tensors& tensors, Metadata&) {
      tensors["dense.bias"].data = reinterpret_cast<const std::uint8_t*>(bias.data());
    });
  }
  std::vector<float> negative(512, 0.1F);
  negative[511] = -0.1F;
  refuse({"final_bn.running_var: ", "negative"}, [&](Tensors& tensors, Metadata&) {
    tensors["final_bn.running_var"].data = reinterpret_cast<const std::uint8_t*>(negative.data());
  });
}

TEST(Weights, RefusesTheWrongKind) {
  refuse({"kind: 'tripletembed.gallery', 'tripletembed.weights' expected"},
         [](Tensors&, Metadata& metadata) { metadata["kind"] = "tripletembed.gallery"; });
  refuse({"kind: no kind"}, [](Tensors&, Metadata& metadata) { metadata.erase("kind"); });
  refuse({"version: '2', 1 to 1 expected"}, [](Tensors&, Metadata& metadata) { metadata["version"] = "2"; });
  refuse({"head: "}, [](Tensors&, Metadata& metadata) { metadata["head"] = "softmax"; });
  refuse({"input: missing"}, [](Tensors&, Metadata& metadata) { metadata.erase("input"); });
}

TEST(Weights, RefusesFilesThatAreCutShort) {
  const auto bytes = fixtures::read_bytes(good_file());
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{7}, std::size_t{100}, bytes.size() / 2, bytes.size() - 1}) {
    fixtures::write_bytes(
        spoilt_path(),
        std::vector<std::uint8_t>(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)));
    expect_error(ErrorCode::Format, {spoilt_path()}, [] { embed::nn::load_weights(spoilt_path()); });
  }
  expect_error(ErrorCode::NotFound, {"/no-weights"},
               [] { embed::nn::load_weights(fixtures::temp_dir() + "/no-weights"); });
}

TEST(Tensors, TravelBetweenTheTwoWorlds) {
  for (const auto type : {torch::kUInt8, torch::kInt64, torch::kFloat32, torch::kFloat16, torch::kBFloat16,
                          torch::kBool, torch::kFloat64, torch::kInt8, torch::kInt16, torch::kInt32}) {
    const torch::Tensor tensor = torch::arange(24).reshape({2, 3, 4}).to(type);
    const TensorView view = embed::nn::to_view(tensor);
    EXPECT_EQ(view.shape, (std::vector<std::int64_t>{2, 3, 4}));
    EXPECT_EQ(view.bytes, 24 * embed::size_of(view.dtype));
    const torch::Tensor back = embed::nn::to_tensor(view);
    EXPECT_EQ(back.scalar_type(), type);
    EXPECT_TRUE(torch::equal(back, tensor));
    EXPECT_NE(back.data_ptr(), tensor.data_ptr());
  }
  expect_error(ErrorCode::InvalidArgument, {"contiguous"}, [] {
    embed::nn::to_view(torch::zeros({2, 3}).t());
  });
  expect_error(ErrorCode::Unsupported, {"ComplexFloat"},
               [] { embed::nn::to_view(torch::zeros({2}, torch::kComplexFloat)); });
  const std::uint32_t value = 1;
  expect_error(ErrorCode::Unsupported, {"U32"}, [&] {
    embed::nn::to_tensor({DType::U32, {1}, reinterpret_cast<const std::uint8_t*>(&value), 4});
  });
}

}  // namespace
