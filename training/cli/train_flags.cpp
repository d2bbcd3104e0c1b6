// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/train_flags.h"

#include <map>

#include "embed/model_info.h"

namespace training::cli {

namespace {

/// An option that takes one of an enumeration's names.
template <typename T>
CLI::Option* add_choice(CLI::App& command, const std::string& name, T& target,
                        const std::map<std::string, T>& names, const std::string& help) {
  std::string current;
  std::string list;
  for (const auto& [text, value] : names) {
    if (value == target) current = text;
    list += (list.empty() ? "" : "|") + text;
  }
  return command.add_option(name, target, help)
      ->transform(CLI::CheckedTransformer(names, CLI::ignore_case).description(""))
      ->type_name(list)
      ->default_str(current);
}

void add_data_flags(CLI::App& command, TrainFlags& flags) {
  TrainOptions& o = flags.options;
  const std::string group = "Data";
  command.add_option("--data", o.data, "Packed data sets; identities of the same name are one")
      ->required()
      ->delimiter(',')
      ->type_name("SET,...")
      ->group(group);
  command.add_option("--val", o.val, "Packed data set to validate on")->type_name("SET")->group(group);
  command
      .add_option("--val-fraction", o.val_fraction, "Without --val: share of the identities held out for it")
      ->capture_default_str()
      ->group(group);
  command.add_option("--val-images", o.val_images, "At most so many validation images; 0: all")
      ->capture_default_str()
      ->group(group);
  command.add_flag("--val-flip", o.val_flip, "Validate with the picture and its mirror image")->group(group);
  command.add_option("--min-images", o.min_images, "Leave out identities with fewer images")
      ->capture_default_str()
      ->group(group);
  command
      .add_option("--without", flags.without,
                  "Leave out the identities in this list (LFW's people files, or one name a line)")
      ->type_name("LIST")
      ->group(group);
  command.add_option("--size", o.size, "Side of the network's picture; default what the data was packed for")
      ->group(group);
  command.add_option("--channels", o.channels, "1 or 3; default the data's")->group(group);
  command.add_option("--mean", flags.mean, "Of (value/255 - mean)/std: one number, or one for each channel")
      ->expected(1, 3)
      ->delimiter(',')
      ->group(group);
  command.add_option("--std", flags.std, "As --mean")->expected(1, 3)->delimiter(',')->group(group);
  add_choice<Augmentation>(
      command, "--aug", o.augmentation,
      {{"none", Augmentation::None}, {"face", Augmentation::Face}, {"digit", Augmentation::Digit}},
      "Random changes of each picture")
      ->group(group);
  command
      .add_option("--mix-identities", o.mix_identities,
                  "Share of a --pk batch's groups that become virtual identities, each a blend of two")
      ->capture_default_str()
      ->group(group);
  add_choice<MixBy>(
      command, "--mix-by", o.mix_by,
      {{"blend", MixBy::Blend}, {"parts", MixBy::Parts}, {"both", MixBy::Both}},
      "How --mix-identities makes a picture of two: one over the other, one's upper or left part with "
      "the other's rest, or either")
      ->group(group);
  add_choice<AugmentOn>(
      command, "--augment-on", o.augment_on,
      {{"auto", AugmentOn::Auto}, {"workers", AugmentOn::Workers}, {"device", AugmentOn::Device}},
      "Who augments: threads of the CPU, or the GPU that trains, in whose memory the pictures "
      "then lie; auto: the GPU where they fit")
      ->group(group);
}

void add_tower_flags(CLI::App& command, TrainFlags& flags) {
  TrainOptions& o = flags.options;
  const std::string group = "Two kinds of picture";
  command
      .add_option(
          "--data-other", o.data_other,
          "Packed data sets of the second kind; those of --data are of the first. Triplets and pairs are "
          "across the kinds, identities matched by name")
      ->delimiter(',')
      ->type_name("SET,...")
      ->group(group);
  command.add_option("--val-other", o.val_other, "What --val is, of the second kind")
      ->type_name("SET")
      ->group(group);
  add_choice<Towers>(command, "--towers", o.towers,
                     {{"shared", Towers::Shared}, {"separate", Towers::Separate}},
                     "One network for both kinds (siamese), or one for each (pseudo-siamese)")
      ->group(group);
  command
      .add_option("--out-other", o.out_other,
                  "Towers separate: the second network's weights file; default OUT with -other")
      ->type_name("FILE")
      ->group(group);
  command
      .add_option("--init-other", o.init_other, "Towers separate: weights file that the second starts from")
      ->type_name("FILE")
      ->group(group);
}

void add_loss_flags(CLI::App& command, TrainFlags& flags) {
  TrainOptions& o = flags.options;
  const std::string group = "Loss";
  add_choice<Loss>(
      command, "--loss", o.loss,
      {{"triplet", Loss::Triplet},
       {"contrastive", Loss::Contrastive},
       {"cosface", Loss::CosFace},
       {"softmax", Loss::Softmax},
       {"none", Loss::None}},
      "What is minimised of the labels; none: a --teacher alone is followed, which it is without "
      "--loss")
      ->group(group);
  add_choice<embed::Head>(
      command, "--head", o.head,
      {{"sigmoid", embed::Head::Sigmoid}, {"linear", embed::Head::Linear}, {"l2", embed::Head::L2}},
      "The last layer")
      ->group(group);
  add_choice<embed::Metric>(command, "--metric", o.metric,
                            {{"l1", embed::Metric::L1},
                             {"l2", embed::Metric::L2},
                             {"squared-l2", embed::Metric::SquaredL2},
                             {"cosine", embed::Metric::Cosine}},
                            "Distance of the triplet loss and of validation; goes into the weights")
      ->group(group);
  command
      .add_option("--margin", flags.margin,
                  "Of the triplet or contrastive loss: a number, or soft for log(1 + exp(x))")
      ->default_str("0.3")
      ->group(group);
  add_choice<Miner>(command, "--miner", o.miner,
                    {{"offline", Miner::Offline},
                     {"batch-hard", Miner::BatchHard},
                     {"semi-hard", Miner::SemiHard},
                     {"batch-all", Miner::BatchAll},
                     {"all-hard", Miner::AllHard}},
                    "Where triplets come from; all but offline need --pk")
      ->group(group);
  command.add_option("--margin-epochs", o.margin_epochs, "Epochs in which the margin grows from 0")
      ->capture_default_str()
      ->group(group);
  command
      .add_option("--memory", o.memory,
                  "Mine this many embeddings of earlier batches too (cross-batch memory); 0: none")
      ->capture_default_str()
      ->group(group);
  add_choice<ClassLoss>(
      command, "--class-loss", o.class_loss,
      {{"none", ClassLoss::None}, {"cosface", ClassLoss::CosFace}, {"softmax", ClassLoss::Softmax}},
      "Added to the triplet or contrastive loss; with the neck as in BNNeck")
      ->group(group);
  command.add_option("--class-loss-weight", o.class_loss_weight, "Of --class-loss")
      ->capture_default_str()
      ->group(group);
  command
      .add_flag("--separate-passes", o.separate_passes,
                "Offline triplets: anchors, positives and negatives pass one after the other")
      ->group(group);
  command
      .add_flag("--neck,!--no-neck", o.neck,
                "Batch norm on the embedding while training, folded into the weights; on unless --no-neck")
      ->group(group);
  command.add_option("--scale", o.scale, "CosFace: factor of the cosines")
      ->capture_default_str()
      ->group(group);
  command.add_option("--cos-margin", o.cos_margin, "CosFace: margin of the true class")
      ->capture_default_str()
      ->group(group);
  command
      .add_option("--cos-margin-epochs", o.cos_margin_epochs,
                  "CosFace: epochs in which the margin grows from 0")
      ->capture_default_str()
      ->group(group);
}

void add_teacher_flags(CLI::App& command, TrainFlags& flags) {
  TeacherWeights& weights = flags.options.teacher_weights;
  const std::string group = "Teacher";
  command
      .add_option(
          "--teacher", flags.teacher,
          "Learn from this network: FILE.onnx looks at each picture as the student sees it, files of "
          "`teach` hold its vectors of --data; pictures then need no labels. init: the weights of --init, so "
          "that they keep what they know")
      ->delimiter(',')
      ->type_name("FILE,...")
      ->group(group);
  command.add_option("--teacher-cosine", weights.cosine, "Weight: vectors are as the teacher's")
      ->capture_default_str()
      ->group(group);
  command
      .add_option("--teacher-relations", weights.relations,
                  "Weight: the cosines between a batch's vectors are as the teacher's")
      ->capture_default_str()
      ->group(group);
  command
      .add_option("--teacher-triplet", weights.triplet,
                  "Weight: triplets of two views and another picture, apart by as much as the teacher says; "
                  "batches then hold each picture twice")
      ->capture_default_str()
      ->group(group);
}

void add_optimiser_flags(CLI::App& command, TrainFlags& flags) {
  TrainOptions& o = flags.options;
  const std::string group = "Optimiser";
  command.add_option("--epochs", o.epochs, "Passes over the data")->capture_default_str()->group(group);
  command.add_option("--batch-size", o.batch_size, "Images (offline: triplets) in a batch")
      ->capture_default_str()
      ->group(group);
  command.add_option("--pk", flags.pk, "Batches of P identities with K images each")
      ->expected(2)
      ->type_name("P K")
      ->group(group);
  add_choice<Sampler>(command, "--sampler", o.sampler,
                      {{"uniform", Sampler::Uniform}, {"balanced", Sampler::Balanced}},
                      "Without --pk: every image once an epoch, or every identity equally often")
      ->group(group);
  command.add_option("--accumulate", o.accumulate, "Batches whose gradients make one update")
      ->capture_default_str()
      ->group(group);
  add_choice<OptimizerKind>(command, "--optimizer", o.optimizer,
                            {{"sgd", OptimizerKind::Sgd}, {"adamw", OptimizerKind::AdamW}}, "The update rule")
      ->group(group);
  command.add_option("--lr", o.lr, "Highest learning rate")->capture_default_str()->group(group);
  command.add_option("--momentum", o.momentum, "SGD")->capture_default_str()->group(group);
  command.add_flag("--nesterov,!--no-nesterov", o.nesterov, "SGD; on unless --no-nesterov")->group(group);
  command.add_option("--weight-decay", o.weight_decay, "Not on batch norm and biases")
      ->capture_default_str()
      ->group(group);
  command.add_option("--warmup-epochs", o.warmup_epochs, "Epochs in which the rate grows to --lr")
      ->capture_default_str()
      ->group(group);
  add_choice<Schedule>(command, "--schedule", o.schedule,
                       {{"constant", Schedule::Constant},
                        {"cosine", Schedule::Cosine},
                        {"step", Schedule::Step},
                        {"plateau", Schedule::Plateau}},
                       "Of the learning rate")
      ->group(group);
  command
      .add_option("--step-at", o.step_at, "Schedule step: shares of the run where the rate drops to a tenth")
      ->delimiter(',')
      ->default_str("0.5,0.75")
      ->group(group);
  command
      .add_option("--patience", o.patience,
                  "Schedule plateau: validations without a better one before a drop")
      ->capture_default_str()
      ->group(group);
  command
      .add_option("--plateau-factor", o.plateau_factor, "Schedule plateau: what the rate is multiplied by")
      ->capture_default_str()
      ->group(group);
  command
      .add_option("--early-stop", o.early_stop,
                  "End the run after this many validations without a better one; 0: never")
      ->capture_default_str()
      ->group(group);
  command.add_option("--clip-gradient", o.clip_gradient, "Largest norm of the whole gradient; 0: any")
      ->capture_default_str()
      ->group(group);
  command
      .add_option("--ema", o.ema,
                  "Keep the running average of the weights with this decay, e.g. 0.999; 0: off")
      ->capture_default_str()
      ->group(group);
}

void add_run_flags(CLI::App& command, TrainFlags& flags) {
  TrainOptions& o = flags.options;
  const std::string group = "Run";
  command.add_option("-o,--out", o.out, "The weights file to write")
      ->required()
      ->type_name("FILE")
      ->group(group);
  command.add_option("--run-dir", o.run_dir, "Folder of checkpoint and metrics; default OUT with .run")
      ->type_name("DIR")
      ->group(group);
  command
      .add_option(
          "--init", o.init,
          "Weights file to start from; class weights then begin as the mean embeddings of their pictures. "
          "default: the weights that the stream takes, which is so without --init where the pictures are cut "
          "as "
          "they want them and no flag says how to learn; none: random weights")
      ->type_name("FILE")
      ->group(group);
  command
      .add_option(
          "--blend", o.blend,
          "Share of what was learned in the weights that are kept, the rest is --init's: below 1 they know "
          "more of what those knew")
      ->capture_default_str()
      ->group(group);
  command.add_flag("--resume", o.resume, "Go on from the checkpoint in the run's folder, where there is one")
      ->group(group);
  command.add_option("--checkpoint-every", o.checkpoint_every, "Seconds between checkpoints inside an epoch")
      ->capture_default_str()
      ->group(group);
  command
      .add_option(
          "--checkpoint-epochs", o.checkpoint_epochs,
          "Epochs between the checkpoints at an epoch's end, and, where no validation chooses, between "
          "the weights files: more where an epoch takes a second")
      ->capture_default_str()
      ->group(group);
  command.add_option("--eval-every", o.eval_every, "Epochs between validations")
      ->capture_default_str()
      ->group(group);
  add_choice<Select>(command, "--select", o.select,
                     {{"auc", Select::Auc},
                      {"eer", Select::Eer},
                      {"accuracy", Select::Accuracy},
                      {"tar", Select::Tar},
                      {"last", Select::Last}},
                     "Which epoch's weights are kept")
      ->group(group);
  add_choice<embed::DType>(
      command, "--storage", o.storage,
      {{"f32", embed::DType::F32}, {"f16", embed::DType::F16}, {"bf16", embed::DType::BF16}},
      "Numbers in the weights file")
      ->group(group);
  command.add_option("--trained-on", o.trained_on, "Into the weights file, for people")
      ->type_name("TEXT")
      ->group(group);
  command.add_option("--terms", o.terms, "Terms of the pictures, into the weights file, for people")
      ->type_name("TEXT")
      ->group(group);
  command.add_option("--recipe", o.recipe, "Into the weights file, for people; default the command line")
      ->type_name("TEXT")
      ->group(group);
  command.add_option("--seed", o.seed, "Repeats a run bit for bit on the CPU")
      ->capture_default_str()
      ->group(group);
  add_choice<Precision>(command, "--precision", o.precision,
                        {{"auto", Precision::Auto}, {"fp32", Precision::Fp32}, {"bf16", Precision::Bf16}},
                        "Of convolutions and products; weights stay fp32. bf16 is faster on GPUs and CPUs "
                        "that have it, and many times slower on others; auto takes it where it is faster")
      ->group(group);
  command.add_option("--workers", o.workers, "Threads that cut and augment; default half the cores")
      ->group(group);
  command.add_option("--threads", o.threads, "Of the network; default all cores")->group(group);
  command.add_option("--device", o.device, "auto, cpu, cuda or cuda:N")->capture_default_str()->group(group);
}

}  // namespace

void add_train_flags(CLI::App& command, TrainFlags& flags) {
  command.add_flag(
      "--note", flags.note,
      "The founding note's settings for what no other flag says: triplet loss over offline triplets, "
      "sigmoid head, squared-l2, margin 1, SGD 0.03 with momentum 0.9");
  add_data_flags(command, flags);
  add_tower_flags(command, flags);
  add_loss_flags(command, flags);
  add_teacher_flags(command, flags);
  add_optimiser_flags(command, flags);
  add_run_flags(command, flags);
}

}  // namespace training::cli
