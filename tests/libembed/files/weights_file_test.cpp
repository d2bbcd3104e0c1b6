// SPDX-License-Identifier: LGPL-2.1-or-later
#include "files/weights_file.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "error_matchers.h"
#include "fixtures.h"

namespace {

using embed::DType;
using embed::ErrorCode;
using embed::SafetensorsFile;
using embed::TensorView;
using embed::WeightsFile;
using testing_errors::expect_error;

const std::string& good_file() {
  static const std::string path =
      fixtures::write_weights(fixtures::temp_dir() + "/plain-weights.safetensors");
  return path;
}

using Tensors = std::map<std::string, TensorView>;
using Metadata = std::map<std::string, std::string>;

/// The good file with its tensors and metadata changed by `change(tensors, metadata)`.
template <typename Change>
std::string changed(Change&& change) {
  const std::string path = fixtures::temp_dir() + "/changed-weights.safetensors";
  const SafetensorsFile file(good_file());
  Tensors tensors = file.tensors();
  Metadata metadata = file.metadata();
  change(tensors, metadata);
  embed::write_safetensors(path, tensors, metadata);
  return path;
}

template <typename Change>
void refuse(std::initializer_list<std::string> fragments, Change&& change) {
  const std::string path = changed(std::forward<Change>(change));
  expect_error(ErrorCode::Format, fragments, [&] {
    const WeightsFile file(path);
    for (const auto& [name, view] : file.file().tensors()) file.values(name);
  });
}

TEST(WeightsFile, NamesMissingAndSuperfluousTensors) {
  refuse({"changed-weights", "stage3.1.conv2.weight: tensor is missing"},
         [](Tensors& tensors, Metadata&) { tensors.erase("stage3.1.conv2.weight"); });
  refuse({"classifier.weight: tensor does not belong to resnet18_v2"},
         [](Tensors& tensors, Metadata&) { tensors["classifier.weight"] = tensors["dense.weight"]; });
}

TEST(WeightsFile, NamesWrongShapesTypesAndKinds) {
  refuse({"dense.weight: shape [512, 128], [128, 512] expected"}, [](Tensors& tensors, Metadata&) {
    tensors["dense.weight"].shape = {512, 128};
  });
  refuse({"dense.bias: dtype I32, F32, F16 or BF16 expected"},
         [](Tensors& tensors, Metadata&) { tensors["dense.bias"].dtype = DType::I32; });
  refuse({"kind: 'tripletembed.gallery', 'tripletembed.weights' expected"},
         [](Tensors&, Metadata& metadata) { metadata["kind"] = "tripletembed.gallery"; });
  refuse({"version: '2', 1 to 1 expected"}, [](Tensors&, Metadata& metadata) { metadata["version"] = "2"; });
}

TEST(WeightsFile, RefusesValuesThatAreNoNumbers) {
  for (const float bad : {std::nanf(""), std::numeric_limits<float>::infinity(), -HUGE_VALF}) {
    std::vector<float> bias(128, 0.0F);
    bias[127] = bad;
    refuse({"dense.bias: ", "not finite"}, [&](Tensors& tensors, Metadata&) {
      tensors["dense.bias"].data = reinterpret_cast<const std::uint8_t*>(bias.data());
    });
  }
  std::vector<std::uint16_t> halves(128);
  for (const std::uint16_t bad : {0x7C00, 0xFC00, 0x7E01}) {
    halves[64] = bad;
    refuse({"dense.bias: ", "not finite"}, [&](Tensors& tensors, Metadata&) {
      tensors["dense.bias"] = {DType::F16, {128}, reinterpret_cast<const std::uint8_t*>(halves.data()), 256};
    });
  }
  std::vector<float> negative(512, 0.1F);
  negative[511] = -0.1F;
  refuse({"final_bn.running_var: ", "negative"}, [&](Tensors& tensors, Metadata&) {
    tensors["final_bn.running_var"].data = reinterpret_cast<const std::uint8_t*>(negative.data());
  });
}

/// The value of a finite float16 by its definition.
double value_of_f16(unsigned bits) {
  const int exponent = static_cast<int>(bits >> 10 & 31U);
  const double mantissa = bits & 1023U;
  const double size = exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
  return (bits & 0x8000U) != 0 ? -size : size;
}

TEST(WeightsFile, EveryFloat16AndBfloat16IsItsOwnValue) {
  // 63,488 finite float16s in a tensor of 131,072 values.
  std::vector<std::uint16_t> halves;
  for (unsigned bits = 0; bits < 65536; ++bits) {
    if ((bits & 0x7C00U) != 0x7C00U) halves.push_back(static_cast<std::uint16_t>(bits));
  }
  const std::size_t count = halves.size();
  halves.resize(std::size_t{512} * 128);
  const std::string path = changed([&](Tensors& tensors, Metadata&) {
    tensors["dense.weight"] = {
        DType::F16, {128, 512}, reinterpret_cast<const std::uint8_t*>(halves.data()), 2 * halves.size()};
  });
  const std::vector<float> got = WeightsFile(path).values("dense.weight");
  ASSERT_EQ(got.size(), halves.size());
  for (std::size_t i = 0; i < count; ++i) {
    ASSERT_EQ(static_cast<double>(got[i]), value_of_f16(halves[i])) << halves[i];
    ASSERT_EQ(std::signbit(got[i]), halves[i] >= 0x8000U) << halves[i];
  }
  std::vector<std::uint16_t> uppers = {0x3F80, 0xC000, 0x0001, 0x8000, 0x7F7F};
  uppers.resize(128);
  const std::string upper_path = changed([&](Tensors& tensors, Metadata&) {
    tensors["dense.bias"] = {DType::BF16, {128}, reinterpret_cast<const std::uint8_t*>(uppers.data()), 256};
  });
  const std::vector<float> bias = WeightsFile(upper_path).values("dense.bias");
  EXPECT_EQ(bias[0], 1.0F);
  EXPECT_EQ(bias[1], -2.0F);
  EXPECT_EQ(bias[2], 0x1p-133F);
  EXPECT_TRUE(std::signbit(bias[3]));
  EXPECT_EQ(bias[4], 0x1.FEp127F);
}

}  // namespace
