// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "embed/embedding.h"
#include "embed/model_info.h"
#include "embed/safetensors.h"

namespace training {

enum class Loss { Triplet, Contrastive, CosFace, Softmax, None };
enum class ClassLoss { None, CosFace, Softmax };
enum class Miner { Offline, BatchHard, SemiHard, BatchAll, AllHard };
enum class Sampler { Uniform, Balanced };
enum class OptimizerKind { Sgd, AdamW };
enum class Schedule { Constant, Cosine, Step, Plateau };
enum class Precision { Auto, Fp32, Bf16 };
enum class Augmentation { None, Face, Digit };
enum class MixBy { Blend, Parts, Both };
enum class AugmentOn { Auto, Workers, Device };
enum class Select { Auc, Eer, Accuracy, Tar, Last };
enum class Towers { Shared, Separate };

/// How much each way of following a teacher counts; see teacher_loss().
struct TeacherWeights {
  double cosine = 1;     ///< Each vector is as the teacher's.
  double relations = 4;  ///< The cosines between a batch's vectors are as between the teacher's.
  double triplet = 0;    ///< Triplets of which the teacher says how far apart they are to be.
};

/// Everything that a training run is told, the default beside its meaning. The flags of `triplet-train train`
/// carry the same names.
struct TrainOptions {
  // Data.
  std::vector<std::string> data;  ///< Packed data sets; identities of the same name are one.
  std::string val;                ///< Packed data set to validate on; empty: identities held out of `data`.
  double val_fraction =
      0.1;  ///< Share of the identities that is held out when `val` is empty; 0 holds out none.
  std::size_t val_images =
      4000;                    ///< At most so many validation images (a seeded choice of identities); 0: all.
  bool val_flip = false;       ///< Validate with the sum of the picture's and its mirror image's embeddings.
  std::size_t min_images = 2;  ///< Identities with fewer training images are left out.
  std::set<std::string> without;  ///< Identities that are neither trained nor validated on, of `data` and
                                  ///< `data_other`: whole names, or what follows a prefix and '/'.
  int size = 0;                   ///< Side of the network's picture; 0: what the data was packed for.
  int channels = 0;               ///< 1 or 3; 0: the data's.
  std::array<float, 3> mean{0, 0, 0};  ///< Of (value / 255 − mean) / std, for each channel.
  std::array<float, 3> std{1, 1, 1};
  Augmentation augmentation = Augmentation::None;
  AugmentOn augment_on = AugmentOn::Auto;  ///< Where pictures are augmented: see DeviceAugmenter.
  double mix_identities = 0;  ///< Share of a P×K batch's groups that become virtual identities; see
                              ///< IdentityMixer.

  MixBy mix_by = MixBy::Blend;  ///< How their pictures are made of two.

  // Two kinds of picture (a photo and a sketch, a visible and an infrared face).
  std::vector<std::string> data_other;  ///< Packed data sets of the second kind; empty: there is one kind.
                                        ///< Identities are matched to those of `data` by name.
  std::string val_other;                ///< What `val` is, of the second kind; both or neither.
  Towers towers = Towers::Shared;       ///< Shared: both kinds pass through one network (siamese); Separate:
                                        ///< each has its own (pseudo-siamese).
  std::string out_other;                ///< Towers::Separate: the second network's file; see other_weights().
  std::string init_other;               ///< Towers::Separate: what `init` is, for the second network.

  // Loss.
  Loss loss = Loss::CosFace;  ///< Of the labels; None: a teacher alone is followed.
  embed::Head head = embed::Head::L2;
  embed::Metric metric =
      embed::Metric::Cosine;  ///< Of the triplet loss and of validation; goes into the weights.
  double margin = 0.3;        ///< Of the triplet and the contrastive loss.
  double margin_epochs = 0;   ///< Epochs over which the margin grows from 0, linearly.
  bool soft_margin = false;   ///< log(1 + exp(d(a,p) − d(a,n))) instead of the margin.
  Miner miner = Miner::BatchHard;
  std::size_t memory = 0;  ///< Embeddings of earlier batches that are mined too; not with Miner::Offline.
  ClassLoss class_loss = ClassLoss::None;  ///< Added to the triplet or contrastive loss.
  double class_loss_weight = 1;
  bool separate_passes =
      false;          ///< Miner::Offline: anchors, positives and negatives go through the network one after
                      ///< the other, each with batch statistics of its own, as in the founding note.
  double scale = 24;  ///< CosFace: the logits' factor.
  double cos_margin = 0.25;      ///< CosFace: what the true class's cosine is lowered by.
  double cos_margin_epochs = 5;  ///< CosFace: epochs over which the margin grows from 0, linearly.

  // Teacher.
  std::string teacher;  ///< ONNX file of a network that looks at each picture as the student sees it.
  std::vector<std::string> teacher_vectors;  ///< Or files of its vectors; see TeacherVectors.
  bool teacher_init = false;  ///< Or the weights that the run starts from: what they know is kept.
  double blend = 1;  ///< Share of what was learned in the weights that are kept, above 0 and up to 1, the
                     ///< rest is `init`'s (Wortsman et al., Robust fine-tuning of zero-shot models, 2022).
  TeacherWeights teacher_weights;

  /// Batch norm (without scale and shift) on the embedding, ahead of the head, while training; folded into
  /// the dense layer when the weights are saved, so that the network stays what it is. Pooled ReLU values
  /// are all positive, so embeddings begin with one large common direction, which it takes away. It helps
  /// with few classes (digits); over thousands of faces CosFace did better without it. With class_loss the
  /// triplets look at the values ahead of it and the classes at those behind it (BNNeck, Luo et al., 2019).
  bool neck = true;

  // Batches.
  std::size_t batch_size = 128;        ///< Images (triplets with Miner::Offline) in a batch.
  std::size_t identities = 0;          ///< P of P×K batches; 0: plain shuffled batches.
  std::size_t images_each = 4;         ///< K of P×K batches.
  Sampler sampler = Sampler::Uniform;  ///< Of plain batches: every image once an epoch, or every identity as
                                       ///< often as any other.
  std::size_t accumulate = 1;          ///< Batches whose gradients make one update; each is mined by itself.
  std::size_t epochs = 15;

  // Optimiser.
  OptimizerKind optimizer = OptimizerKind::Sgd;
  double lr = 0.1;             ///< Highest learning rate.
  double momentum = 0.9;       ///< SGD.
  bool nesterov = true;        ///< SGD.
  double weight_decay = 5e-4;  ///< Not on batch norm and biases.
  double warmup_epochs = 0.5;  ///< The rate grows linearly from 0 to lr.
  Schedule schedule = Schedule::Cosine;
  std::vector<double> step_at{0.5,
                              0.75};  ///< Schedule::Step: shares of the run where the rate drops to a tenth.
  std::size_t patience = 3;  ///< Schedule::Plateau: validations without a better one before the rate drops.
  double plateau_factor = 0.1;  ///< Schedule::Plateau: what the rate is multiplied by.
  std::size_t early_stop = 0;   ///< Validations without a better one before the run ends; 0: never.
  double clip_gradient = 0;     ///< Largest norm of all gradients together; 0: any.
  double ema = 0;  ///< Decay of the weights' running average, which is then what is kept; 0: off.
  std::uint64_t seed = 1;
  int workers = 0;  ///< Threads that cut and augment; 0: chosen by the machine.
  int threads = 0;  ///< Of LibTorch; 0: one for each processor.
  Precision precision =
      Precision::Fp32;  ///< Bf16: convolutions and products in bfloat16, the rest in float32. Auto: Bf16
                        ///< where the device has it natively, else Fp32; decided when a training begins.
  std::string device = "auto";  ///< "auto" (CUDA where there is a usable GPU), "cpu", "cuda", "cuda:N".

  // Files.
  std::string out;      ///< Weights file to write.
  std::string run_dir;  ///< Checkpoint and metrics; empty: `out` with ".run" in place of its extension.
  std::string init;     ///< Weights to start from; empty: fresh ones.
  bool resume = false;  ///< Go on from the checkpoint in run_dir, where there is one.
  double checkpoint_every = 300;  ///< Seconds between checkpoints inside an epoch.
  std::size_t checkpoint_epochs =
      1;                        ///< Epochs between the checkpoints at an epoch's end, and, where no
                                ///< validation chooses, between the weights files; the last writes both.
  std::size_t eval_every = 1;   ///< Epochs between validations; the last epoch always validates.
  Select select = Select::Auc;  ///< Which epoch's weights are kept.
  embed::DType storage = embed::DType::F32;  ///< F32, F16 or BF16 in the weights file.
  std::string trained_on;                    ///< For people, into the weights file; UTF-8.
  std::string terms;                         ///< Of the pictures, for people, into the weights file; UTF-8.
  std::string recipe;                        ///< For people, into the weights file; UTF-8.
};

const char* to_string(Loss value) noexcept;       ///< "triplet", "contrastive", "cosface", "softmax", "none".
const char* to_string(ClassLoss value) noexcept;  ///< "none", "cosface", "softmax".
const char* to_string(Sampler value) noexcept;    ///< "uniform", "balanced".
const char* to_string(
    Miner value) noexcept;  ///< "offline", "batch-hard", "semi-hard", "batch-all", "all-hard".
const char* to_string(OptimizerKind value) noexcept;  ///< "sgd", "adamw".
const char* to_string(Schedule value) noexcept;       ///< "constant", "cosine", "step", "plateau".
const char* to_string(Precision value) noexcept;      ///< "auto", "fp32", "bf16".
const char* to_string(Augmentation value) noexcept;   ///< "none", "face", "digit".
const char* to_string(MixBy value) noexcept;          ///< "blend", "parts", "both".
const char* to_string(Towers value) noexcept;         ///< "shared", "separate".
const char* to_string(Select value) noexcept;         ///< "auc", "eer", "accuracy", "tar", "last".

/// The classification loss that takes part, as the main one or beside it.
ClassLoss class_loss_of(const TrainOptions& options) noexcept;
/// Whether there is a teacher to learn from.
bool has_teacher(const TrainOptions& options) noexcept;
/// Whether the loss asks who is on a picture.
bool needs_labels(const TrainOptions& options) noexcept;
/// Whether the batches are offline triplets.
bool is_offline(const TrainOptions& options) noexcept;
/// Whether the data are of two kinds.
bool is_cross_kind(const TrainOptions& options) noexcept;
/// Whether triplets or pairs are taken from the batch.
bool is_mined(const TrainOptions& options) noexcept;

/// Throws embed::Error(InvalidArgument) that names the option whose value is outside its range or does not go
/// with another's.
void validate(const TrainOptions& options);

/// The options that decide what the weights become, by flag name, as text. Paths of outputs, threads and the
/// like are not among them: a resumed run may change those.
std::map<std::string, std::string> decisive_options(const TrainOptions& options);

/// `run_dir`, or what stands for it.
std::string run_directory(const TrainOptions& options);

/// Towers::Separate: `out_other`, or `out` with "-other" before its extension.
std::string other_weights(const TrainOptions& options);

/// The founding note's own settings: triplet loss over its offline triplets, sigmoid head, squared L2, margin
/// 1, SGD with learning rate 0.03 and momentum 0.9.
TrainOptions note_options();

}  // namespace training
