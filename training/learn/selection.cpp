// SPDX-License-Identifier: LGPL-2.1-or-later
#include "learn/selection.h"

#include <cmath>

#include "data/run_checks.h"
#include "embed/safetensors.h"

namespace training {

void note_plateau(const TrainOptions& options, const Verification& verification, Progress& progress) {
  const Select by = options.select == Select::Last ? Select::Auc : options.select;
  const double value = measure(verification, by);
  if (!progress.has_measure || value > progress.measure) {
    progress.has_measure = true;
    progress.measure = value;
    progress.stale = progress.plateau = 0;
    return;
  }
  ++progress.stale;
  ++progress.plateau;
  if (options.schedule == Schedule::Plateau && progress.plateau >= options.patience) {
    progress.rate_factor *= options.plateau_factor;
    progress.plateau = 0;
  }
  progress.stopped = options.early_stop > 0 && progress.stale >= options.early_stop;
}

bool take_if_best(const TrainOptions& options, const std::optional<Verification>& verification,
                  bool validates, bool last, Progress& progress) {
  const bool choosing = validates && options.select != Select::Last;
  if (!choosing && !last && (progress.epoch + 1) % options.checkpoint_epochs != 0) return false;
  if (choosing) {
    if (!verification) return false;
    const double value = measure(*verification, options.select);
    if (progress.has_best && value <= progress.best) return false;
    progress.best = value;
  }
  progress.has_best = true;
  progress.best_epoch = progress.epoch + 1;
  progress.best_evaluation = verification ? to_json(*verification) : "";
  return true;
}

namespace {

/// Those of the weights that a run started from, as far as they hold for what became of them.
void inherit_thresholds(const std::string& init, embed::ModelInfo& info) {
  const embed::ModelInfo start =
      embed::model_info_from_metadata(embed::SafetensorsFile(init, embed::Contents::Header).metadata(), init);
  if (start.metric != info.metric || start.head != info.head) return;
  info.threshold = start.threshold;
  info.threshold_far = start.threshold_far;
  info.far_table = start.far_table;
}

}  // namespace

embed::ModelInfo kept_info(const TrainOptions& options, const embed::InputSpec& input,
                           const std::optional<Verification>& verification) {
  embed::ModelInfo info;
  info.head = options.head;
  info.input = input;
  info.metric = options.metric;
  info.trained_on = options.trained_on;
  info.recipe = options.recipe;
  info.terms = options.terms;
  if (options.blend < 1) inherit_thresholds(options.init, info);
  if (!verification) return info;
  info.evaluation = to_json(*verification);
  if (!enough_to_calibrate(input, verification->identities, verification->roc.impostor)) return info;
  info.far_table = {};
  for (const Roc::Point& point : verification->roc.tar_at_far) {  // The finest rate comes last.
    // Below 0 where pictures of different identities coincide: no threshold turns them away.
    if (!verification->roc.measurable(point) || !std::isfinite(point.threshold) || point.threshold < 0)
      continue;
    info.threshold = point.threshold;
    info.threshold_far = static_cast<float>(point.far);
  }
  return info;
}

}  // namespace training
