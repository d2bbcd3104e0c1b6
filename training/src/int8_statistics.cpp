// SPDX-License-Identifier: LGPL-2.1-or-later
#include "int8_statistics.h"

#include <torch/types.h>

#include <algorithm>

#include "activation_histogram.h"
#include "embed/error.h"
#include "embed/nn/weights.h"
#include "folded_network.h"

namespace training {

namespace {

using embed::Error;
using embed::ErrorCode;

constexpr std::int64_t kImagesAtOnce = 32;
/// Symmetric int8: −128 is left out, so that a weight and its negative round alike.
constexpr float kSignedMost = 127, kUnsignedMost = 255;
constexpr double kFine = 0.999, kFiner = 0.9999;

/// [N, H, W, C] over the crops' own bytes.
torch::Tensor as_tensor(const std::vector<std::uint8_t>& crops, const embed::InputSpec& input) {
  const std::int64_t bytes = std::int64_t{input.width} * input.height * input.channels;
  const auto size = static_cast<std::int64_t>(crops.size());
  if (size == 0) throw Error(ErrorCode::InvalidArgument, "no picture to calibrate on");
  if (size % bytes != 0) {
    throw Error(ErrorCode::InvalidArgument, "crops of " + std::to_string(bytes) + " bytes each expected, " +
                                                std::to_string(size) + " bytes given");
  }
  return torch::from_blob(const_cast<std::uint8_t*>(crops.data()),
                          {size / bytes, input.height, input.width, input.channels}, torch::kUInt8);
}

/// Embeds the crops a part at a time.
torch::Tensor embed_all(const FoldedNetwork& network, const torch::Tensor& crops,
                        const FoldedNetwork::Compute& compute) {
  std::vector<torch::Tensor> parts;
  for (const torch::Tensor& part : crops.split(kImagesAtOnce))
    parts.push_back(network.forward(part, compute));
  return torch::cat(parts);
}

/// Runs all crops and shows every layer's input to `look`.
template <typename Look>
torch::Tensor watch(const FoldedNetwork& network, const torch::Tensor& crops, const Look& look) {
  return embed_all(network, crops, [&](std::size_t layer, const torch::Tensor& input) {
    const torch::Tensor values = input.contiguous();
    look(layer, values.data_ptr<float>(), static_cast<std::size_t>(values.numel()));
    return network.layers()[layer].apply(input, network.layers()[layer].weight);
  });
}

std::vector<float> to_vector(const torch::Tensor& values) {
  const torch::Tensor flat = values.contiguous();
  return {flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel()};
}

LayerStatistics describe(const FoldedLayer& layer, const ActivationHistogram& input) {
  LayerStatistics result;
  result.name = layer.name;
  result.outputs = static_cast<std::size_t>(layer.weight.size(0));
  result.dense = layer.is_dense();
  result.unsigned_in = layer.rectified;
  result.weight_absmax = to_vector(layer.weight.abs().flatten(1).amax({1}));
  for (const float most : result.weight_absmax)
    result.weight_scale.push_back(most > 0 ? most / kSignedMost : 1.0F);
  result.input_min = input.minimum();
  result.input_max = input.maximum();
  result.input_mean_abs = static_cast<float>(input.mean_magnitude());
  result.input_p999 = input.percentile(kFine);
  result.input_p9999 = input.percentile(kFiner);
  if (result.input_p9999 > 0)
    result.input_scale = result.input_p9999 / (result.unsigned_in ? kUnsignedMost : kSignedMost);
  result.histogram = input.bins();
  return result;
}

/// Rounds to the nearest multiple of the scale (ties to even) within the integers' range.
torch::Tensor fake_quantise(const torch::Tensor& values, const torch::Tensor& scale, float low, float high) {
  return torch::round(values / scale).clamp_(low, high).mul_(scale);
}

torch::Tensor quantised_embeddings(const FoldedNetwork& network, const std::vector<LayerStatistics>& layers,
                                   const torch::Tensor& crops) {
  std::vector<torch::Tensor> weights;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const torch::Tensor& weight = network.layers()[i].weight;
    std::vector<std::int64_t> shape(static_cast<std::size_t>(weight.dim()), 1);
    shape.front() = -1;
    weights.push_back(
        fake_quantise(weight, torch::tensor(layers[i].weight_scale).view(shape), -kSignedMost, kSignedMost));
  }
  return embed_all(network, crops, [&](std::size_t i, const torch::Tensor& input) {
    const LayerStatistics& layer = layers[i];
    const torch::Tensor scale = torch::full({1}, layer.input_scale);
    const torch::Tensor rounded = layer.unsigned_in ? fake_quantise(input, scale, 0, kUnsignedMost)
                                                    : fake_quantise(input, scale, -kSignedMost, kSignedMost);
    return network.layers()[i].apply(rounded, weights[i]);
  });
}

}  // namespace

Int8Statistics int8_statistics(const std::string& weights, const std::vector<std::uint8_t>& crops) {
  const torch::NoGradGuard no_grad;
  const embed::nn::LoadedModel model = embed::nn::load_weights(weights);
  const FoldedNetwork network(model);
  const torch::Tensor pictures = as_tensor(crops, model.info.input);
  std::vector<ActivationHistogram> inputs(network.layers().size());
  watch(network, pictures, [&](std::size_t layer, const float* values, std::size_t count) {
    inputs[layer].measure(values, count);
  });
  const torch::Tensor exact = watch(
      network, pictures,
      [&](std::size_t layer, const float* values, std::size_t count) { inputs[layer].count(values, count); });
  Int8Statistics result;
  result.weights_sha256 = model.info.sha256;
  result.images = static_cast<std::size_t>(pictures.size(0));
  for (std::size_t i = 0; i < inputs.size(); ++i)
    result.layers.push_back(describe(network.layers()[i], inputs[i]));
  const torch::Tensor cosines =
      torch::cosine_similarity(exact, quantised_embeddings(network, result.layers, pictures), 1);
  result.mean_cosine = cosines.mean().item<double>();
  result.least_cosine = cosines.min().item<double>();
  return result;
}

std::vector<float> int8_embeddings(const std::string& weights, const Int8Statistics& statistics,
                                   const std::vector<std::uint8_t>& crops) {
  const torch::NoGradGuard no_grad;
  const embed::nn::LoadedModel model = embed::nn::load_weights(weights);
  if (model.info.sha256 != statistics.weights_sha256) {
    throw Error(ErrorCode::Mismatch,
                "the statistics are those of other weights (SHA-256 " + statistics.weights_sha256 + ")",
                weights);
  }
  return to_vector(
      quantised_embeddings(FoldedNetwork(model), statistics.layers, as_tensor(crops, model.info.input)));
}

}  // namespace training
