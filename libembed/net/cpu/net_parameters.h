// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <vector>

#include "embed/model_info.h"

namespace embed::cpu {

/// A convolution's weights as a model has them.
struct ConvWeights {
  std::vector<float> values;  ///< [out][in][kernel][kernel]; empty: no such layer.
  std::int64_t out = 0, in = 0, kernel = 0, stride = 1;
};

/// y = scale · x + shift, and how y is distributed over the training data.
struct BatchNorm {
  std::vector<float> scale, shift;     ///< [C]
  std::vector<float> mean, deviation;  ///< [C] of y.
};

/// A pre-activation block: before → ReLU → first → middle → ReLU → second, plus the input or the shortcut.
/// The weights are the model's own.
struct BlockParameters {
  BatchNorm before;
  ConvWeights first;
  BatchNorm middle;
  ConvWeights second, shortcut;
};

/// ResNet18-v2 with fixed batch norms, as plain numbers.
struct NetParameters {
  std::vector<float> input_scale, input_shift;  ///< [C] from the input's bytes to what the stem takes.
  ConvWeights stem;                             ///< The scale of its batch norm is folded in.
  std::vector<float> stem_shift;                ///< [64]
  std::vector<BlockParameters> blocks;          ///< Eight, two a stage.
  BatchNorm last;                               ///< [512]
  std::vector<float> dense_weight;              ///< [512][128]
  std::vector<float> dense_bias;                ///< [128]
  Head head = Head::L2;
};

}  // namespace embed::cpu
