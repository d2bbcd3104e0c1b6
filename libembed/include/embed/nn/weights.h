// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

#include "embed/model_info.h"
#include "embed/nn/resnet18_v2.h"
#include "embed/safetensors.h"

namespace embed::nn {

/// A network and what its file says about it.
struct LoadedModel {
  ResNet18V2 network{nullptr};  ///< On the CPU, float32, in evaluation mode.
  ModelInfo info;
};

/// Reads a `tripletembed.weights` file (F32, F16 or BF16 tensors). Throws Error(NotFound | Io | Format);
/// Format names the file and a tensor that is missing, superfluous, of another shape, or not finite.
LoadedModel load_weights(const std::string& path);

/// Writes network and info atomically; floating tensors are stored as `storage` (F32, F16 or BF16; running
/// statistics always as F32). Throws Error(InvalidArgument | Io).
void save_weights(const std::string& path, const ResNet18V2& network, const ModelInfo& info,
                  DType storage = DType::F32);

/// Whether none of the values is infinite or not a number. Any shape and device; float32 on the CPU is read
/// once, without the copies that LibTorch's own tests make of it.
bool all_finite(const torch::Tensor& values);

/// A LibTorch tensor with a copy of the view's data.
torch::Tensor to_tensor(const TensorView& view);
/// A view that borrows the tensor's data: `tensor` must be contiguous, on the CPU, and outlive the view.
/// Throws Error(InvalidArgument).
TensorView to_view(const torch::Tensor& tensor);

}  // namespace embed::nn
