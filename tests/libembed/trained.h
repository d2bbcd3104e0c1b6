// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "embed/embedding.h"
#include "embed/model_info.h"
#include "embed/nn/resnet18_v2.h"

/// Networks as training leaves them, and what their layers make of pictures: what other ways to compute the
/// network are held against.
namespace trained {

struct Case {
  int height, width, channels;
  embed::Head head;
};

/// Sides that are odd at each of the five halvings, one pixel at the end, one channel, and the usual ones.
const std::vector<Case>& cases();

embed::ModelInfo info_of(const Case& shape);

/// Made-up weights whose running statistics are those of the made-up pictures.
embed::nn::ResNet18V2 trained_network(const Case& shape);

/// The layers' vectors of made_up::crops, [count].
std::vector<embed::Embedding> expected(embed::nn::ResNet18V2& network, std::vector<std::uint8_t> bytes,
                                       const Case& shape, std::size_t count);

double cosine(const embed::Embedding& a, const embed::Embedding& b);

}  // namespace trained
