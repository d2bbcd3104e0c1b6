// SPDX-License-Identifier: LGPL-2.1-or-later
#include "learn/verification.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "data/augment/augment.h"
#include "data/batch_sampler.h"
#include "data/cross_batches.h"
#include "measure/cross_kind.h"

namespace training {

namespace {

constexpr std::size_t kBatch = 256;
constexpr std::size_t kMostImpostors = 2'000'000;
constexpr std::uint64_t kFrozenSeed = 1;

torch::Tensor embed_batch(embed::nn::ResNet18V2& network, const torch::Tensor& input, bool flip) {
  const torch::Tensor values = network->forward(input);
  if (!flip) return values;
  const torch::Tensor mean = (values + network->forward(input.flip({3}))) / 2;
  return network->options().head == embed::Head::L2 ? embed::nn::apply_head(mean, embed::Head::L2) : mean;
}

}  // namespace

LabelledEmbeddings embed_list(embed::nn::ResNet18V2& network, const TrainingSet& set, const ImageList& list,
                              torch::Device device, bool flip) {
  const torch::NoGradGuard no_grad;
  network->eval();
  const embed::InputSpec& input = set.input();
  const Augmenter cutter(Augmentation::None, set.width(), set.height(), input.width, input.height,
                         input.channels);
  LabelledEmbeddings result;
  result.labels = list.labels;
  result.values.resize(list.size());
  std::vector<std::uint8_t> scratch;
  for (std::size_t start = 0; start < list.size(); start += kBatch) {
    const std::size_t count = std::min(kBatch, list.size() - start);
    torch::Tensor pictures = torch::empty(
        {static_cast<std::int64_t>(count), input.height, input.width, input.channels}, torch::kUInt8);
    const auto bytes = static_cast<std::size_t>(pictures.numel()) / count;
    for (std::size_t i = 0; i < count; ++i) {
      cutter.centre(list.images[start + i].pixels(scratch), pictures.data_ptr<std::uint8_t>() + i * bytes);
    }
    const torch::Tensor values = embed_batch(network, embed::nn::normalise(pictures.to(device), input), flip)
                                     .to(torch::kCPU, torch::kFloat32)
                                     .contiguous();
    std::memcpy(result.values[start].data(), values.data_ptr<float>(), count * sizeof(embed::Embedding));
  }
  return result;
}

Verification verify(const LabelledEmbeddings& values, std::size_t identities, embed::Metric metric) {
  Verification result;
  result.images = values.values.size();
  result.identities = identities;
  auto [genuine, impostor] = all_pairs(values, metric, kMostImpostors, kFrozenSeed);
  result.roc = roc(std::move(genuine), std::move(impostor), {1e-2, 1e-3});
  std::vector<Triplet> triplets;
  for (const TripletIndices& t : note_triplets(values.labels, identities, kFrozenSeed)) {
    triplets.push_back({t.anchor, t.positive, t.negative});
  }
  result.triplets = triplet_accuracy(values, triplets, metric);
  return result;
}

Verification verify_across(const LabelledEmbeddings& first, const LabelledEmbeddings& second,
                           std::size_t identities, embed::Metric metric) {
  Verification result;
  result.images = first.values.size() + second.values.size();
  result.identities = identities;
  auto [genuine, impostor] = split_pairs(cross_pairs(first, second, metric, kMostImpostors, kFrozenSeed));
  result.roc = roc(std::move(genuine), std::move(impostor), {1e-2, 1e-3});
  const auto triplets = cross_triplets(first.labels, second.labels, identities, kFrozenSeed);
  result.triplets = cross_triplet_accuracy(first, second, triplets, metric);
  return result;
}

double measure(const Verification& result, Select select) {
  switch (select) {
    case Select::Auc:
      return result.roc.auc;
    case Select::Eer:
      return -result.roc.eer;
    case Select::Accuracy:
      return result.roc.best_accuracy;
    case Select::Tar:
      return result.roc.tar_at_far.at(1).tar;
    case Select::Last:
      break;
  }
  return 0;
}

namespace {

/// null rather than a flattering figure.
nlohmann::json tar_of(const Roc& roc, std::size_t i) {
  const Roc::Point& point = roc.tar_at_far.at(i);
  return roc.measurable(point) ? nlohmann::json(point.tar) : nlohmann::json(nullptr);
}

}  // namespace

std::string to_json(const Verification& result) {
  const Roc& roc = result.roc;
  const nlohmann::json json = {{"images", result.images},
                               {"identities", result.identities},
                               {"genuine_pairs", roc.genuine},
                               {"impostor_pairs", roc.impostor},
                               {"auc", roc.auc},
                               {"eer", roc.eer},
                               {"accuracy", roc.best_accuracy},
                               {"tar_at_far", {{"0.01", tar_of(roc, 0)}, {"0.001", tar_of(roc, 1)}}},
                               {"triplet_accuracy", result.triplets.rate()},
                               {"triplet_accuracy_strict", result.triplets.strict_rate()},
                               {"spread", result.triplets.spread}};
  return json.dump();
}

}  // namespace training
