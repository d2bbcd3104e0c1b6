// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace training {

/// How a file of another program names a ResNet-18's tensors.
enum class NameStyle {
  Torch,  ///< torchvision's (conv1.weight, layer2.0.bn1.running_mean), timm's resnetv2 (stem.conv.weight,
          ///< stages.1.blocks.0.norm1.weight), and our own (stem_conv.weight).
  Gluon,  ///< Gluon's, structural (features.5.0.bn1.gamma) or prefixed (resnetv20_stage1_batchnorm0_gamma).
};

/// The name in a weights file of what another program calls `foreign`; empty where the network has no such
/// tensor. Prefixes as wrappers put them ("module.", "backbone.", "arg:", "resnetv20_") do not matter.
///
/// Gluon counts layers as its model zoo makes them (resnet.py): features.0 is the batch norm on the input,
/// 1 the stem's convolution, 2 its batch norm, 5 to 8 the stages, 9 (classifier.0 in old files) the last
/// batch norm. In prefixed names each stage counts its layers through: batchnorm0 and conv0, conv1 are the
/// first block's, conv2 from stage 2 on its shortcut.
std::string native_name(const std::string& foreign, NameStyle style);

/// Sizes of the tensors by name, as they are in the file.
using NamedShapes = std::map<std::string, std::vector<std::int64_t>>;

/// Whether the file is of a ResNet v1, whose batch norms follow the convolutions: it has one behind a
/// shortcut, or the first one of a stage after the first has the width of the stage itself, not of the one
/// before.
bool is_post_activation(const NamedShapes& shapes, NameStyle style);

/// native_name() for a ResNet v1: only what does the same there as in our network. Those are the
/// convolutions, and of torchvision's names the stem's batch norm; with `norms` also each block's bn1, which
/// stands between the two convolutions as our bn2 does. A v1's own bn2 has no counterpart.
std::string native_name_of_v1(const std::string& foreign, NameStyle style, bool norms);

}  // namespace training
