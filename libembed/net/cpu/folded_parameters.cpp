// SPDX-License-Identifier: LGPL-2.1-or-later
#include "net/cpu/folded_parameters.h"

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "embed/embedding.h"

namespace embed::cpu {

namespace {

constexpr double kEpsilon = 1e-5;  // Of every batch norm of the network.
constexpr std::int64_t kStem = 64;

struct ScaleShift {
  std::vector<double> scale, shift;
};

/// The input's batch norm has neither weight nor bias.
ScaleShift scale_shift(const TensorValues& values, const std::string& name, bool has_weight = true) {
  const std::vector<float> mean = values(name + ".running_mean"), variance = values(name + ".running_var");
  std::vector<float> weight, bias;
  if (has_weight) {
    weight = values(name + ".weight");
    bias = values(name + ".bias");
  }
  ScaleShift result;
  for (std::size_t c = 0; c < mean.size(); ++c) {
    double scale = 1.0 / std::sqrt(static_cast<double>(variance[c]) + kEpsilon);
    if (has_weight) scale *= static_cast<double>(weight[c]);
    const double shift = -static_cast<double>(mean[c]) * scale;
    result.scale.push_back(scale);
    result.shift.push_back(has_weight ? shift + static_cast<double>(bias[c]) : shift);
  }
  return result;
}

std::vector<float> rounded(const std::vector<double>& values) {
  return {values.begin(), values.end()};
}

BatchNorm batch_norm(const TensorValues& values, const std::string& name) {
  const ScaleShift folded = scale_shift(values, name);
  std::vector<float> deviation = values(name + ".weight");
  for (float& value : deviation) value = std::abs(value);
  return {rounded(folded.scale), rounded(folded.shift), values(name + ".bias"), deviation};
}

/// From bytes to what the stem takes: [0, 1], mean and std, the input's batch norm.
void fold_input(const TensorValues& values, const InputSpec& input, NetParameters& result) {
  const ScaleShift norm = scale_shift(values, "input_bn", /*has_weight=*/false);
  for (std::size_t c = 0; c < norm.scale.size(); ++c) {
    const double scale = 1.0 / (255.0 * input.std[c]);
    const double shift = -static_cast<double>(input.mean[c]) / input.std[c];
    result.input_scale.push_back(static_cast<float>(norm.scale[c] * scale));
    result.input_shift.push_back(static_cast<float>(norm.scale[c] * shift + norm.shift[c]));
  }
}

void fold_stem(const TensorValues& values, std::int64_t channels, NetParameters& result) {
  constexpr std::int64_t kKernel = 7;
  const ScaleShift norm = scale_shift(values, "stem_bn");
  result.stem = {values("stem_conv.weight"), kStem, channels, kKernel, 2};
  const auto size = static_cast<std::size_t>(channels * kKernel * kKernel);
  for (std::size_t i = 0; i < result.stem.values.size(); ++i) {
    result.stem.values[i] = static_cast<float>(result.stem.values[i] * norm.scale[i / size]);
  }
  result.stem_shift = rounded(norm.shift);
}

BlockParameters block(const TensorValues& values, const std::string& name, std::int64_t in, std::int64_t out,
                      std::int64_t stride) {
  BlockParameters result;
  result.before = batch_norm(values, name + ".bn1");
  result.first = {values(name + ".conv1.weight"), out, in, 3, stride};
  result.middle = batch_norm(values, name + ".bn2");
  result.second = {values(name + ".conv2.weight"), out, out, 3, 1};
  if (in != out) result.shortcut = {values(name + ".shortcut.weight"), out, in, 1, stride};
  return result;
}

}  // namespace

NetParameters folded_parameters(const TensorValues& values, const ModelInfo& info) {
  NetParameters result;
  fold_input(values, info.input, result);
  fold_stem(values, info.input.channels, result);
  std::int64_t in = kStem;
  for (int stage = 1; stage <= 4; ++stage) {
    const std::int64_t out = kStem << (stage - 1);
    const std::string name = "stage" + std::to_string(stage);
    result.blocks.push_back(block(values, name + ".0", in, out, in != out ? 2 : 1));
    result.blocks.push_back(block(values, name + ".1", out, out, 1));
    in = out;
  }
  result.last = batch_norm(values, "final_bn");
  // One row for each input: the product is then a sum of rows, which compilers know to vectorise.
  const std::vector<float> dense = values("dense.weight");
  const std::size_t inputs = dense.size() / kEmbeddingDim;
  result.dense_weight.resize(dense.size());
  for (std::size_t i = 0; i < dense.size(); ++i) {
    result.dense_weight[i % inputs * kEmbeddingDim + i / inputs] = dense[i];
  }
  result.dense_bias = values("dense.bias");
  result.head = info.head;
  return result;
}

}  // namespace embed::cpu
