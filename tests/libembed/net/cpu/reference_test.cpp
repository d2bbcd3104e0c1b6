// SPDX-License-Identifier: LGPL-2.1-or-later
// Our own kernels against the network in NumPy, and the folding of its tensors.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "all_kernels.h"
#include "embed/model_info.h"
#include "made_up.h"
#include "net/cpu/cpu_net.h"
#include "net/cpu/folded_parameters.h"

namespace {

using embed::Embedding;
using embed::cpu::CpuNet;
using embed::cpu::Kernels;
using embed::cpu::NetParameters;
using embed::cpu::Number;
using Json = nlohmann::json;

NetParameters made_up_parameters(const embed::ModelInfo& info) {
  const auto shapes = embed::network_tensors(info.input.channels);
  return embed::cpu::folded_parameters(
      [&](const std::string& name) { return made_up::tensor(name, shapes.at(name)); }, info);
}

/// Largest difference from [N][128] numbers.
double largest_difference(const std::vector<Embedding>& got, const Json& rows) {
  double largest = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t j = 0; j < rows[i].size(); ++j) {
      largest = std::max(largest, std::abs(got[i][j] - rows[i][j].get<double>()));
    }
  }
  return largest;
}

double tolerance(const Kernels& kernels, embed::Head head) {
  const bool linear = head == embed::Head::Linear;
  if (kernels.number == Number::F32) return linear ? 1e-4 : 2e-5;
  return linear ? 0.2 : 0.04;
}

TEST(CpuNetReference, GivesTheGoldenValues) {
  std::ifstream file(GOLDEN_FILE);
  const Json golden = Json::parse(file);
  for (const Json& item : golden.at("cases")) {
    embed::ModelInfo info;
    info.input.channels = item.at("channels");
    info.input.height = item.at("height");
    info.input.width = item.at("width");
    for (const auto& [head, rows] : item.at("outputs").items()) {
      info.head = embed::parse_head(head);
      const NetParameters parameters = made_up_parameters(info);
      const auto crops = made_up::crops(static_cast<int>(rows.size()), info.input.height, info.input.width,
                                        info.input.channels);
      for (const Kernels* kernels : all_kernels()) {
        // The ranges of 8-bit numbers come from statistics that belong to the weights, as made-up ones do
        // not.
        if (kernels->number == Number::U8) continue;
        CpuNet net(parameters, info.input, *kernels, rows.size(), 2);
        std::vector<Embedding> got(rows.size());
        net.forward(crops.data(), rows.size(), got.data());
        EXPECT_LE(largest_difference(got, rows), tolerance(*kernels, info.head))
            << kernels->name << ' ' << head << ' ' << info.input.height << 'x' << info.input.width;
      }
    }
  }
}

TEST(FoldedParameters, AreOfTheNetworksShape) {
  for (const int channels : {1, 3}) {
    embed::ModelInfo info;
    info.input.channels = channels;
    const NetParameters parameters = made_up_parameters(info);
    EXPECT_EQ(parameters.input_scale.size(), static_cast<std::size_t>(channels));
    EXPECT_EQ(parameters.stem.values.size(), static_cast<std::size_t>(64 * channels * 49));
    ASSERT_EQ(parameters.blocks.size(), 8U);
    EXPECT_TRUE(parameters.blocks[0].shortcut.values.empty());
    EXPECT_EQ(parameters.blocks[2].shortcut.values.size(), 64U * 128U);
    EXPECT_EQ(parameters.blocks[2].first.stride, 2);
    EXPECT_EQ(parameters.blocks[7].second.values.size(), 512U * 512U * 9U);
    // One row for each input.
    const auto dense = made_up::tensor("dense.weight", {128, 512});
    EXPECT_EQ(parameters.dense_weight[128 * 3 + 7], dense[512 * 7 + 3]);
  }
}

}  // namespace
