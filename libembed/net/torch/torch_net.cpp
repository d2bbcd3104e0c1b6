// SPDX-License-Identifier: LGPL-2.1-or-later
#include "net/torch/torch_net.h"

#include <cstring>

#include "net/torch/torch_errors.h"

namespace embed {

TorchNet::TorchNet(const nn::ResNet18V2& network, const ModelInfo& info, torch::Device device,
                   torch::ScalarType precision)
    : input_(info.input), net_(network, info, device, precision) {}

void TorchNet::forward(const std::uint8_t* crops, std::size_t count, Embedding* out) {
  with_torch_errors("embedding", [&] {
    const c10::InferenceMode inference;
    // from_blob wants a pointer to non-const, and the pass only reads it.
    const torch::Tensor batch = torch::from_blob(
        const_cast<std::uint8_t*>(crops),
        {static_cast<std::int64_t>(count), input_.height, input_.width, input_.channels}, torch::kUInt8);
    const torch::Tensor values = net_.forward(batch);
    std::memcpy(out, values.data_ptr<float>(), count * sizeof(Embedding));
  });
}

}  // namespace embed
