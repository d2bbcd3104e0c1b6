// SPDX-License-Identifier: LGPL-2.1-or-later
// The names of all choices.
#include "options/option_table.h"

namespace training {

#define TRAINING_NAMES(T, ...)               \
  template <>                                \
  const Names<T>& names_of<T>() {            \
    static const Names<T> names __VA_ARGS__; \
    return names;                            \
  }

#define TRAINING_NAME(enumerator, name, ...) {name, Loss::enumerator},
TRAINING_NAMES(Loss,
               {TRAINING_PAIR_LOSSES(TRAINING_NAME) TRAINING_CLASS_LOSSES(TRAINING_NAME){"none", Loss::None}})
#undef TRAINING_NAME
#define TRAINING_NAME(enumerator, name, ...) {name, ClassLoss::enumerator},
TRAINING_NAMES(ClassLoss, {{"none", ClassLoss::None}, TRAINING_CLASS_LOSSES(TRAINING_NAME)})
#undef TRAINING_NAME
#define TRAINING_NAME(enumerator, name, ...) {name, Miner::enumerator},
TRAINING_NAMES(Miner, {TRAINING_MINERS(TRAINING_NAME)})
#undef TRAINING_NAME

TRAINING_NAMES(Sampler, {{"uniform", Sampler::Uniform}, {"balanced", Sampler::Balanced}})
TRAINING_NAMES(OptimizerKind, {{"sgd", OptimizerKind::Sgd}, {"adamw", OptimizerKind::AdamW}})
TRAINING_NAMES(Schedule, {{"constant", Schedule::Constant},
                          {"cosine", Schedule::Cosine},
                          {"step", Schedule::Step},
                          {"plateau", Schedule::Plateau}})
TRAINING_NAMES(Precision, {{"auto", Precision::Auto}, {"fp32", Precision::Fp32}, {"bf16", Precision::Bf16}})
TRAINING_NAMES(Augmentation,
               {{"none", Augmentation::None}, {"face", Augmentation::Face}, {"digit", Augmentation::Digit}})
TRAINING_NAMES(MixBy, {{"blend", MixBy::Blend}, {"parts", MixBy::Parts}, {"both", MixBy::Both}})
TRAINING_NAMES(AugmentOn,
               {{"auto", AugmentOn::Auto}, {"workers", AugmentOn::Workers}, {"device", AugmentOn::Device}})
TRAINING_NAMES(Select, {{"auc", Select::Auc},
                        {"eer", Select::Eer},
                        {"accuracy", Select::Accuracy},
                        {"tar", Select::Tar},
                        {"last", Select::Last}})
TRAINING_NAMES(Towers, {{"shared", Towers::Shared}, {"separate", Towers::Separate}})
TRAINING_NAMES(embed::Head,
               {{"sigmoid", embed::Head::Sigmoid}, {"linear", embed::Head::Linear}, {"l2", embed::Head::L2}})
TRAINING_NAMES(embed::Metric, {{"l1", embed::Metric::L1},
                               {"l2", embed::Metric::L2},
                               {"squared-l2", embed::Metric::SquaredL2},
                               {"cosine", embed::Metric::Cosine}})
TRAINING_NAMES(embed::DType,
               {{"f32", embed::DType::F32}, {"f16", embed::DType::F16}, {"bf16", embed::DType::BF16}})

const char* to_string(Loss value) noexcept {
  return name_of(value);
}
const char* to_string(Miner value) noexcept {
  return name_of(value);
}
const char* to_string(Precision value) noexcept {
  return name_of(value);
}
const char* to_string(Augmentation value) noexcept {
  return name_of(value);
}

}  // namespace training
