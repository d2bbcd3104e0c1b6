// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <vector>

#include "embed/embedding.h"

namespace training {

/// Writes weights whose embeddings vary more evenly: along each direction of most spread (principal axis) of
/// `embeddings`, which those weights gave for many pictures, their values times (variance / largest variance)
/// to the power −`power`, 0 to 0.5; 0.5 would whiten them. Faces differ most along a few directions that many
/// people share (age, sex, origin), and identity is in the many others. The change is one of the last layer;
/// thresholds go, for distances are others. Throws embed::Error(InvalidArgument) for another head than L2,
/// fewer embeddings than values in one, or another power; what load_weights and save_weights throw.
void whiten_weights(const std::string& weights, const std::vector<embed::Embedding>& embeddings, double power,
                    const std::string& out);

}  // namespace training
