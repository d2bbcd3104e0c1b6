// SPDX-License-Identifier: LGPL-2.1-or-later
#include "options/option_table.h"

#include <stdexcept>

#include "options/text_of.h"

namespace training {

namespace {

/// An option's field, for a row of the table.
#define FIELD(path) [](TrainOptions& o) -> OptionField { return &o.path; }

/// For options whose value is in several places.
OptionField nowhere(TrainOptions& /*options*/) {
  return std::monostate();
}

std::vector<TrainOption> make_table() {
  return {
      // Data
      {"data", "Data", FIELD(data), 0, 0, Decides::Nothing, "SET,...",
       "Packed data sets; identities of the same name are one"},
      {"val", "Data", FIELD(val), 0, 0, Decides::Nothing, "SET", "Packed data set to validate on"},
      {"val-fraction", "Data", FIELD(val_fraction), 0, 0.9, Decides::Outcome, nullptr,
       "Without --val: share of the identities held out for it",
       [](const TrainOptions& o) { return o.val.empty() ? text_of(o.val_fraction) : "-"; }},
      {"val-images", "Data", FIELD(val_images), 0, 0, Decides::Outcome, nullptr,
       "At most so many validation images; 0: all"},
      {"val-flip", "Data", FIELD(val_flip), 0, 0, Decides::Outcome, nullptr,
       "Validate with the picture and its mirror image"},
      {"min-images", "Data", FIELD(min_images), 0, 0, Decides::Outcome, nullptr,
       "Leave out identities with fewer images"},
      {"without", "Data", nowhere, 0, 0, Decides::Nothing, "LIST",
       "Leave out the identities in this list (LFW's people files, or one name a line)"},
      {"size", "Data", FIELD(size), 0, 0, Decides::Nothing, nullptr,
       "Side of the network's picture; default what the data was packed for"},
      {"channels", "Data", FIELD(channels), 0, 0, Decides::Nothing, nullptr, "1 or 3; default the data's"},
      {"mean", "Data", FIELD(mean), 0, 1, Decides::Outcome, nullptr,
       "Of (value/255 - mean)/std: one number, or one for each channel"},
      {"std", "Data", FIELD(std), 0.001, 1000, Decides::Outcome, nullptr, "As --mean"},
      {"aug", "Data", FIELD(augmentation), 0, 0, Decides::Outcome, nullptr, "Random changes of each picture"},
      {"mix-identities", "Data", FIELD(mix_identities), 0, 1, Decides::Outcome, nullptr,
       "Share of a --pk batch's groups that become virtual identities, each a blend of two"},
      {"mix-by", "Data", FIELD(mix_by), 0, 0, Decides::Outcome, nullptr,
       "How --mix-identities makes a picture of two: one over the other, one's upper or left part with the "
       "other's rest, or either"},
      {"augment-on", "Data", FIELD(augment_on), 0, 0, Decides::Nothing, nullptr,
       "Who augments: threads of the CPU, or the GPU that trains, in whose memory the pictures then lie; "
       "auto: the GPU where they fit"},
      // Two kinds of picture
      {"data-other", "Two kinds of picture", FIELD(data_other), 0, 0, Decides::Nothing, "SET,...",
       "Packed data sets of the second kind; those of --data are of the first. Triplets and pairs are across "
       "the kinds, identities matched by name"},
      {"val-other", "Two kinds of picture", FIELD(val_other), 0, 0, Decides::Nothing, "SET",
       "What --val is, of the second kind"},
      {"towers", "Two kinds of picture", FIELD(towers), 0, 0, Decides::Outcome, nullptr,
       "One network for both kinds (siamese), or one for each (pseudo-siamese)"},
      {"out-other", "Two kinds of picture", FIELD(out_other), 0, 0, Decides::Nothing, "FILE",
       "Towers separate: the second network's weights file; default OUT with -other"},
      {"init-other", "Two kinds of picture", FIELD(init_other), 0, 0, Decides::Nothing, "FILE",
       "Towers separate: weights file that the second starts from"},
      // Loss
      {"loss", "Loss", FIELD(loss), 0, 0, Decides::Outcome, nullptr,
       "What is minimised of the labels; none: a --teacher alone is followed, which it is without --loss"},
      {"head", "Loss", FIELD(head), 0, 0, Decides::Outcome, nullptr, "The last layer"},
      {"metric", "Loss", FIELD(metric), 0, 0, Decides::Outcome, nullptr,
       "Distance of the triplet loss and of validation; goes into the weights"},
      {"margin", "Loss", nowhere, 0, 0, Decides::Outcome, "TEXT",
       "Of the triplet or contrastive loss: a number, or soft for log(1 + exp(x))",
       [](const TrainOptions& o) { return o.soft_margin ? "soft" : text_of(o.margin); }},
      {"miner", "Loss", FIELD(miner), 0, 0, Decides::Outcome, nullptr,
       "Where triplets come from; all but offline need --pk"},
      {"margin-epochs", "Loss", FIELD(margin_epochs), 0, 1000000, Decides::Outcome, nullptr,
       "Epochs in which the margin grows from 0"},
      {"memory", "Loss", FIELD(memory), 0, 1048576, Decides::Outcome, nullptr,
       "Mine this many embeddings of earlier batches too (cross-batch memory); 0: none"},
      {"class-loss", "Loss", FIELD(class_loss), 0, 0, Decides::Outcome, nullptr,
       "Added to the triplet or contrastive loss; with the neck as in BNNeck"},
      {"class-loss-weight", "Loss", FIELD(class_loss_weight), 0, 1000000, Decides::Outcome, nullptr,
       "Of --class-loss"},
      {"separate-passes", "Loss", FIELD(separate_passes), 0, 0, Decides::Outcome, nullptr,
       "Offline triplets: anchors, positives and negatives pass one after the other"},
      {"neck", "Loss", FIELD(neck), 0, 0, Decides::Outcome, nullptr,
       "Batch norm on the embedding while training, folded into the weights; on unless --no-neck"},
      {"scale", "Loss", FIELD(scale), 0.001, 1000, Decides::Outcome, nullptr,
       "CosFace: factor of the cosines"},
      {"cos-margin", "Loss", FIELD(cos_margin), 0, 1, Decides::Outcome, nullptr,
       "CosFace: margin of the true class"},
      {"cos-margin-epochs", "Loss", FIELD(cos_margin_epochs), 0, 1000000, Decides::Outcome, nullptr,
       "CosFace: epochs in which the margin grows from 0"},
      // Teacher
      {"teacher", "Teacher", nowhere, 0, 0, Decides::Outcome, "FILE,...",
       "Learn from this network: FILE.onnx looks at each picture as the student sees it, files of `teach` "
       "hold its vectors of --data; pictures then need no labels. init: the weights of --init, so that they "
       "keep what they know",
       [](const TrainOptions& o) -> std::string { return o.teacher_init ? "init" : ""; }},
      {"teacher-cosine", "Teacher", FIELD(teacher_weights.cosine), 0, 1000000, Decides::Outcome, nullptr,
       "Weight: vectors are as the teacher's",
       [](const TrainOptions& o) { return has_teacher(o) ? text_of(o.teacher_weights.cosine) : ""; }},
      {"teacher-relations", "Teacher", FIELD(teacher_weights.relations), 0, 1000000, Decides::Outcome,
       nullptr, "Weight: the cosines between a batch's vectors are as the teacher's",
       [](const TrainOptions& o) { return has_teacher(o) ? text_of(o.teacher_weights.relations) : ""; }},
      {"teacher-triplet", "Teacher", FIELD(teacher_weights.triplet), 0, 1000000, Decides::Outcome, nullptr,
       "Weight: triplets of two views and another picture, apart by as much as the teacher says; batches "
       "then hold each picture twice",
       [](const TrainOptions& o) { return has_teacher(o) ? text_of(o.teacher_weights.triplet) : ""; }},
      // Optimiser
      {"epochs", "Optimiser", FIELD(epochs), 1, 1000000, Decides::Outcome, nullptr, "Passes over the data"},
      {"batch-size", "Optimiser", FIELD(batch_size), 1, 65536, Decides::Outcome, nullptr,
       "Images (offline: triplets) in a batch"},
      {"pk", "Optimiser", nowhere, 0, 0, Decides::Outcome, "P K",
       "Batches of P identities with K images each",
       [](const TrainOptions& o) {
         return std::to_string(o.identities) + " " + std::to_string(o.images_each);
       }},
      {"sampler", "Optimiser", FIELD(sampler), 0, 0, Decides::Outcome, nullptr,
       "Without --pk: every image once an epoch, or every identity equally often"},
      {"accumulate", "Optimiser", FIELD(accumulate), 1, 65536, Decides::Outcome, nullptr,
       "Batches whose gradients make one update"},
      {"optimizer", "Optimiser", FIELD(optimizer), 0, 0, Decides::Outcome, nullptr, "The update rule"},
      {"lr", "Optimiser", FIELD(lr), 0, 1000, Decides::Outcome, nullptr, "Highest learning rate"},
      {"momentum", "Optimiser", FIELD(momentum), 0, 0.9999, Decides::Outcome, nullptr, "SGD"},
      {"nesterov", "Optimiser", FIELD(nesterov), 0, 0, Decides::Outcome, nullptr,
       "SGD; on unless --no-nesterov"},
      {"weight-decay", "Optimiser", FIELD(weight_decay), 0, 10, Decides::Outcome, nullptr,
       "Not on batch norm and biases"},
      {"warmup-epochs", "Optimiser", FIELD(warmup_epochs), 0, 1000000, Decides::Outcome, nullptr,
       "Epochs in which the rate grows to --lr"},
      {"schedule", "Optimiser", FIELD(schedule), 0, 0, Decides::Outcome, nullptr, "Of the learning rate"},
      {"step-at", "Optimiser", FIELD(step_at), 0, 1, Decides::Outcome, nullptr,
       "Schedule step: shares of the run where the rate drops to a tenth"},
      {"patience", "Optimiser", FIELD(patience), 1, 1000000, Decides::Outcome, nullptr,
       "Schedule plateau: validations without a better one before a drop"},
      {"plateau-factor", "Optimiser", FIELD(plateau_factor), 0, 1, Decides::Outcome, nullptr,
       "Schedule plateau: what the rate is multiplied by"},
      {"early-stop", "Optimiser", FIELD(early_stop), 0, 0, Decides::Outcome, nullptr,
       "End the run after this many validations without a better one; 0: never"},
      {"clip-gradient", "Optimiser", FIELD(clip_gradient), 0, 1e9, Decides::Outcome, nullptr,
       "Largest norm of the whole gradient; 0: any"},
      {"ema", "Optimiser", FIELD(ema), 0, 0.999999, Decides::Outcome, nullptr,
       "Keep the running average of the weights with this decay, e.g. 0.999; 0: off"},
      // Run
      {"out", "Run", FIELD(out), 0, 0, Decides::Nothing, "FILE", "The weights file to write"},
      {"run-dir", "Run", FIELD(run_dir), 0, 0, Decides::Nothing, "DIR",
       "Folder of checkpoint and metrics; default OUT with .run"},
      {"init", "Run", FIELD(init), 0, 0, Decides::Nothing, "FILE",
       "Weights file to start from; class weights then begin as the mean embeddings of their pictures. "
       "default: the weights that the stream takes, which is so without --init where the pictures are cut as "
       "they want them and no flag says how to learn; none: random weights"},
      {"blend", "Run", FIELD(blend), 0, 0, Decides::Outcome, nullptr,
       "Share of what was learned in the weights that are kept, the rest is --init's: below 1 they know more "
       "of what those knew",
       [](const TrainOptions& o) { return o.blend < 1 ? text_of(o.blend) : ""; }},
      {"resume", "Run", FIELD(resume), 0, 0, Decides::Nothing, nullptr,
       "Go on from the checkpoint in the run's folder, where there is one"},
      {"checkpoint-every", "Run", FIELD(checkpoint_every), 0, 1e9, Decides::Nothing, nullptr,
       "Seconds between checkpoints inside an epoch"},
      {"checkpoint-epochs", "Run", FIELD(checkpoint_epochs), 1, 1000000, Decides::Nothing, nullptr,
       "Epochs between the checkpoints at an epoch's end, and, where no validation chooses, between the "
       "weights files: more where an epoch takes a second"},
      {"eval-every", "Run", FIELD(eval_every), 1, 1000000, Decides::Outcome, nullptr,
       "Epochs between validations"},
      {"select", "Run", FIELD(select), 0, 0, Decides::Outcome, nullptr, "Which epoch's weights are kept"},
      {"storage", "Run", FIELD(storage), 0, 0, Decides::Outcome, nullptr, "Numbers in the weights file"},
      {"trained-on", "Run", FIELD(trained_on), 0, 0, Decides::Nothing, "TEXT",
       "Into the weights file, for people"},
      {"terms", "Run", FIELD(terms), 0, 0, Decides::Nothing, "TEXT",
       "Terms of the pictures, into the weights file, for people"},
      {"recipe", "Run", FIELD(recipe), 0, 0, Decides::Nothing, "TEXT",
       "Into the weights file, for people; default the command line"},
      {"seed", "Run", FIELD(seed), 0, 0, Decides::Outcome, nullptr, "Repeats a run bit for bit on the CPU"},
      {"precision", "Run", FIELD(precision), 0, 0, Decides::Outcome, nullptr,
       "Of convolutions and products; weights stay fp32. bf16 is faster on GPUs and CPUs that have it, and "
       "many times slower on others; auto takes it where it is faster"},
      {"workers", "Run", FIELD(workers), 0, 256, Decides::Nothing, nullptr,
       "Threads that cut and augment; default half the cores"},
      {"threads", "Run", FIELD(threads), 0, 1024, Decides::Nothing, nullptr,
       "Of the network; default all cores"},
      {"device", "Run", FIELD(device), 0, 0, Decides::Nothing, nullptr, "auto, cpu, cuda or cuda:N"},
  };
}

#undef FIELD

}  // namespace

const std::vector<TrainOption>& train_option_table() {
  static const std::vector<TrainOption> table = make_table();
  return table;
}

const TrainOption& train_option(const std::string& name) {
  for (const TrainOption& option : train_option_table()) {
    if (option.name == name) return option;
  }
  throw std::out_of_range("no training option '" + name + "'");
}

}  // namespace training
