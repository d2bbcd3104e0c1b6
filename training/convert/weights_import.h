// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "embed/model_info.h"
#include "embed/safetensors.h"

namespace training {

/// What the file does not say of the network.
struct ImportOptions {
  embed::ModelInfo info;   ///< Head, metric, input and what else goes into the weights file.
  std::uint64_t seed = 1;  ///< Of the tensors that the file lacks.
  bool v1_norms = false;   ///< Of a ResNet v1: take each block's bn1 as our bn2.
  embed::DType storage = embed::DType::F32;  ///< F32, F16 or BF16.
};

struct ImportReport {
  std::size_t wanted = 0;            ///< Tensors of the network.
  std::vector<std::string> taken;    ///< Their names in the weights file, sorted.
  std::vector<std::string> missing;  ///< Stay as a fresh network has them, sorted.
  /// Tensors of the file that were not taken, with the reason.
  std::vector<std::pair<std::string, std::string>> unused;
  bool post_activation = false;  ///< The file is of a ResNet v1.
};

/// Makes a weights file of a ResNet-18 of another program: safetensors with torchvision's or timm's names, or
/// Gluon's `.params` (weight_names.h). Every tensor that fits by name and shape is taken, as float32. Writes
/// `out` atomically. Uses LibTorch's global generator. Throws embed::Error(NotFound | Io | Format) for a file
/// that is broken, values that are not finite and negative variances, Error(Mismatch) when nothing fits and
/// for `v1_norms` where there are none to take, Error(Unsupported) for PyTorch's pickles, which are never
/// read: they can run code.
ImportReport import_weights(const std::string& source, const std::string& out, const ImportOptions& options);

}  // namespace training
