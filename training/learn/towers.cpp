// SPDX-License-Identifier: LGPL-2.1-or-later
#include "learn/towers.h"

#include "embed/nn/weights.h"

namespace training {

Verification validate_kept(Learner& learner, const TrainingSet& set, const TrainOptions& options) {
  const ImageList& list = set.validation();
  const torch::Device device = learner.device();
  if (!is_cross_kind(options)) {
    return verify(embed_list(learner.kept(), set, list, device, options.val_flip), list.classes,
                  options.metric);
  }
  const LabelledEmbeddings first =
      embed_list(learner.kept(), set, list.of_first_kind(), device, options.val_flip);
  const LabelledEmbeddings second =
      embed_list(learner.kept_other(), set, list.of_second_kind(), device, options.val_flip);
  return verify_across(first, second, list.classes, options.metric);
}

void add_to_class_means(const LabelledEmbeddings& values, const ImageList& list, std::vector<double>& sums) {
  for (std::size_t i = 0; i < list.size(); ++i) {
    double* sum = sums.data() + static_cast<std::size_t>(list.labels[i]) * embed::kEmbeddingDim;
    for (std::size_t d = 0; d < embed::kEmbeddingDim; ++d) sum[d] += static_cast<double>(values.values[i][d]);
  }
}

void save_kept(Learner& learner, const TrainOptions& options, const embed::ModelInfo& info) {
  embed::nn::save_weights(options.out, learner.kept(), info, options.storage);
  if (options.towers == Towers::Separate)
    embed::nn::save_weights(other_weights(options), learner.kept_other(), info, options.storage);
}

}  // namespace training
