// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "embed/model_info.h"
#include "net/net.h"
#include "net/torch/inference_net.h"

namespace embed {

/// InferenceNet as a Net.
class TorchNet : public Net {
 public:
  /// Throws c10::Error.
  TorchNet(const nn::ResNet18V2& network, const ModelInfo& info, torch::Device device,
           torch::ScalarType precision);

  const char* name() const noexcept override { return "libtorch"; }
  void forward(const std::uint8_t* crops, std::size_t count, Embedding* out) override;

 private:
  InputSpec input_;
  InferenceNet net_;
};

}  // namespace embed
