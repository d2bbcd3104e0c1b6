// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/default_start.h"

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <map>

#include "data/training_set.h"
#include "embed/dataset.h"
#include "embed/default_weights.h"
#include "embed/error.h"
#include "embed/safetensors.h"

namespace training::cli {

namespace {

/// Learning for longer than so many updates makes a network worse for everybody else.
constexpr std::size_t kUpdates = 120;
constexpr std::size_t kFewestEpochs = 4, kMostEpochs = 100;
constexpr std::size_t kMostPeople = 16, kImagesEach = 4;
/// How much of what was learned is kept, for each of the people it was learned from: what is chance in few
/// pictures would cost everybody else more than it gives. Measured on LFW's test people, whose equal error
/// rate is 3.92 % before: 5 people at shares of 0.3, 0.15 and 0.075 leave 4.01, 3.93 and 3.93 %, ORL's 32
/// at 0.5, 0.25 and 0.125 leave 4.07, 3.98 and 3.93 %, 60 of LFW's own kind at the same 3.75, 3.83 and
/// 3.88 %. ORL's other people are told apart equally well at all three.
constexpr double kShareEach = 1.0 / 256, kLeastShare = 0.05, kMostShare = 0.5;

/// Flags with which a user says what the run is to be.
constexpr const char* kOwnWay[] = {"--note",       "--teacher", "--loss",          "--head", "--metric",
                                   "--neck",       "--size",    "--channels",      "--mean", "--std",
                                   "--data-other", "--blend",   "--mix-identities"};

struct Faces {
  std::size_t people = 0, pictures = 0;
};

/// The people and pictures of sets that are cut as those weights say; none where one is cut otherwise.
/// Without faces the weights are not looked at: what is wrong with them is nobody's business then.
Faces faces_for(const std::string& weights, const TrainOptions& o) {
  for (const std::string& path : o.data) {
    if (student_input(embed::Dataset(path)).crop.alignment == embed::Alignment::Whole) return {};
  }
  const embed::SafetensorsFile file(weights, embed::Contents::Header);
  file.require_kind("tripletembed.weights", 1);
  const auto rule_of = [](const embed::InputSpec& input) {
    embed::ModelInfo info;
    info.input = input;
    const std::map<std::string, std::string> metadata = embed::to_metadata(info);
    return metadata.at("input") + metadata.at("crop");
  };
  const embed::InputSpec wanted = embed::model_info_from_metadata(file.metadata(), weights).input;
  std::map<std::string, std::size_t> pictures;
  for (const std::string& path : o.data) {
    const embed::Dataset set(path);
    if (rule_of(student_input(set)) != rule_of(wanted)) return {};
    for (std::size_t i = 0; i < set.size(); ++i)
      ++pictures[set.class_names()[static_cast<std::size_t>(set.label(i))]];
  }
  Faces found;
  for (const auto& [name, count] : pictures) {
    if (count < std::max<std::size_t>(o.min_images, 2)) continue;
    ++found.people;
    found.pictures += count;
  }
  return found;
}

}  // namespace

std::string take_default_start(const CLI::App& command, TrainFlags& flags) {
  TrainOptions& o = flags.options;
  const auto unsaid = [&](const char* name) { return command.get_option(name)->count() == 0; };
  if (o.init == "none") {
    o.init.clear();
    return {};
  }
  const bool asked = o.init == "default";
  if (!asked && !o.init.empty()) return {};
  if (!asked && !std::all_of(std::begin(kOwnWay), std::end(kOwnWay), unsaid)) return {};
  std::string weights;
  try {
    weights = embed::default_weights("--init");
  } catch (const embed::Error&) {
    if (asked) throw;
    return {};  // Nothing to start from.
  }
  if (asked) o.init = weights;
  if (!std::all_of(std::begin(kOwnWay), std::end(kOwnWay), unsaid)) return {};
  const Faces faces = faces_for(weights, o);
  if (faces.people < 2) return {};
  o.init = weights;
  o.loss = Loss::Triplet;
  o.teacher_init = true;
  o.neck = false;
  o.blend = std::clamp(kShareEach * static_cast<double>(faces.people), kLeastShare, kMostShare);
  if (unsaid("--aug")) o.augmentation = Augmentation::Face;
  if (unsaid("--pk") && unsaid("--batch-size")) {
    o.identities = std::min(faces.people, kMostPeople);
    o.images_each = kImagesEach;
  }
  if (unsaid("--lr")) o.lr = 0.005;
  if (unsaid("--val") && unsaid("--val-fraction")) o.val_fraction = 0;
  if (unsaid("--epochs")) {
    const std::size_t batch = o.identities > 0 ? o.identities * o.images_each : o.batch_size;
    const std::size_t batches = std::max<std::size_t>(faces.pictures / batch, 1);
    o.epochs = std::clamp((kUpdates + batches - 1) / batches, kFewestEpochs, kMostEpochs);
  }
  char share[16];
  std::snprintf(share, sizeof(share), "%.0f", 100 * (1 - o.blend));
  return "starts from the default weights (" + weights + ") and keeps " + share +
         " % of them: few pictures cannot make a network, but can finish one; --init none begins anew";
}

}  // namespace training::cli
