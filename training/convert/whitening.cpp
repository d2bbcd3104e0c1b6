// SPDX-License-Identifier: LGPL-2.1-or-later
#include "convert/whitening.h"

#include <torch/torch.h>

#include "embed/error.h"
#include "embed/nn/weights.h"
#include "embed/safetensors.h"

namespace training {

namespace {

using embed::Error;
using embed::ErrorCode;

/// Of the mean variance, added to each: directions in which nothing varies are noise, and stay small.
constexpr double kFloor = 0.02;

/// [128, 128] float64: what an embedding is multiplied with from the left.
torch::Tensor spreading(const std::vector<embed::Embedding>& embeddings, double power) {
  const auto count = static_cast<std::int64_t>(embeddings.size());
  const auto width = static_cast<std::int64_t>(embed::kEmbeddingDim);
  torch::Tensor rows =
      torch::from_blob(const_cast<float*>(embeddings.front().data()), {count, width}, torch::kFloat32)
          .to(torch::kFloat64);
  rows = rows - rows.mean(0, /*keepdim=*/true);
  const auto [variances, axes] = torch::linalg_eigh(rows.t().matmul(rows) / static_cast<double>(count), "L");
  const torch::Tensor raised = variances.clamp_min(0) + kFloor * variances.mean();
  const torch::Tensor factors = (raised / variances.max()).pow(-power);
  return (axes * factors).matmul(axes.t());
}

}  // namespace

void whiten_weights(const std::string& weights, const std::vector<embed::Embedding>& embeddings, double power,
                    const std::string& out) {
  if (!(power >= 0 && power <= 0.5)) throw Error(ErrorCode::InvalidArgument, "--power: 0 to 0.5 expected");
  if (embeddings.size() < embed::kEmbeddingDim) {
    throw Error(ErrorCode::InvalidArgument, std::to_string(embeddings.size()) +
                                                " pictures: as many as values in "
                                                "an embedding, " +
                                                std::to_string(embed::kEmbeddingDim) + ", expected");
  }
  const torch::NoGradGuard no_grad;
  embed::nn::LoadedModel model = embed::nn::load_weights(weights);
  if (model.info.head != embed::Head::L2) {
    throw Error(ErrorCode::InvalidArgument,
                std::string("the head l2 expected, not ") + embed::to_string(model.info.head), weights,
                "head");
  }
  const torch::Tensor spread = spreading(embeddings, power);
  for (torch::Tensor& parameter :
       std::vector<torch::Tensor>{model.network->dense->weight, model.network->dense->bias})
    parameter.copy_(spread.matmul(parameter.to(torch::kFloat64)));
  model.info.threshold.reset();
  model.info.threshold_far.reset();
  model.info.far_table = {};
  model.info.evaluation.clear();
  const embed::SafetensorsFile file(weights);
  embed::nn::save_weights(out, model.network, model.info, file.tensors().at("dense.weight").dtype);
}

}  // namespace training
