// SPDX-License-Identifier: LGPL-2.1-or-later
#include "learn/embedding_memory.h"

#include <algorithm>

namespace training {

EmbeddingMemory::EmbeddingMemory(std::size_t rows, std::int64_t width, bool sides, torch::Device device) {
  if (rows == 0) return;
  const auto count = static_cast<std::int64_t>(rows);
  const auto on_device = torch::TensorOptions().device(device);
  values_ = torch::zeros({count, width}, on_device);
  labels_ = torch::full({count}, -1.0, on_device);
  next_ = torch::zeros({1}, on_device);
  if (sides) sides_ = torch::zeros({count}, on_device);
}

Memory EmbeddingMemory::view() const {
  if (!values_.defined()) return {};
  return {values_, labels_.to(torch::kInt64), sides_.defined() ? sides_.to(torch::kInt64) : torch::Tensor()};
}

void EmbeddingMemory::remember(const torch::Tensor& values, const torch::Tensor& labels,
                               const torch::Tensor& sides) {
  if (!values_.defined()) return;
  const torch::NoGradGuard no_grad;
  const std::int64_t rows = values_.size(0);
  const torch::Tensor at =
      (torch::arange(std::min(values.size(0), rows), next_.options()) + next_).to(torch::kInt64) % rows;
  const std::int64_t count = at.size(0);
  values_.index_copy_(0, at, values.detach().narrow(0, 0, count));
  labels_.index_copy_(0, at, labels.narrow(0, 0, count).to(torch::kFloat32));
  if (sides_.defined()) sides_.index_copy_(0, at, sides.narrow(0, 0, count).to(torch::kFloat32));
  next_.add_(static_cast<double>(count)).remainder_(static_cast<double>(rows));
}

void EmbeddingMemory::add_to(StateTensors& state) const {
  if (!values_.defined()) return;
  state["memory.values"] = values_;
  state["memory.labels"] = labels_;
  state["memory.next"] = next_;
  if (sides_.defined()) state["memory.sides"] = sides_;
}

}  // namespace training
