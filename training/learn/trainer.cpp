// SPDX-License-Identifier: LGPL-2.1-or-later
#include "learn/trainer.h"

#include <ATen/Parallel.h>
#include <c10/util/Exception.h>

#include <cmath>
#include <filesystem>
#include <memory>
#include <optional>

#include "data/cross_batches.h"
#include "data/run_checks.h"
#include "embed/error.h"
#include "embed/nn/precision.h"
#include "embed/safetensors.h"
#include "learn/autocast.h"
#include "learn/device.h"
#include "learn/device_augmenter.h"
#include "learn/learner.h"
#include "learn/loop_teacher.h"
#include "learn/ranks.h"
#include "learn/schedule.h"
#include "learn/selection.h"
#include "learn/step_meter.h"
#include "learn/towers.h"
#include "learn/warnings.h"
#include "report/metrics_log.h"

namespace training {

namespace {

using embed::Error;
using embed::ErrorCode;

constexpr double kSecondsBetweenReports = 0.25;
constexpr double kSecondsBetweenLogLines = 10;
/// On a GPU the losses are looked at this often, so that the device is not waited for at each step.
constexpr std::size_t kDeviceLag = 32;

/// Of the weights that a run starts from.
std::string digest_of(const std::string& path) {
  return path.empty() ? "-" : embed::SafetensorsFile(path, embed::Contents::Header).sha256();
}

/// `auto` as what it is on the device of this run.
TrainOptions with_precision(TrainOptions options) {
  if (options.precision == Precision::Auto) {
    const bool faster = embed::nn::prefers_bf16(training_device(options));
    options.precision = faster ? Precision::Bf16 : Precision::Fp32;
  }
  return options;
}

class Run {
 public:
  Run(const TrainOptions& options, TrainObserver& observer, const std::atomic<bool>& stop, Teacher* teacher)
      : ranks_(Ranks::from_environment(training_device(options))),
        options_(for_all_ranks(options)),
        observer_(observer),
        stop_(stop),
        set_(options),
        learner_(options, set_.input(), set_.train().classes, ranks_.get()),
        augmenter_(DeviceAugmenter::make(set_, options, learner_.device())),
        checkpoint_(run_directory(options) + "/checkpoint.safetensors"),
        fixed_(decisive_options(options_)),
        meter_(options_, progress_, checkpoint_) {
    fixed_["data"] = set_.fingerprint();
    fixed_["data-other"] = set_.other_fingerprint();
    fixed_["init"] = digest_of(options_.init);
    fixed_["init-other"] = digest_of(options_.init_other);
    if (teacher != nullptr) {
      teacher_.emplace(*teacher, options.teacher, set_);
      teacher_text_ = teacher_text(teacher->info());
      fixed_["teacher"] = teacher->info().sha256;
    } else if (options_.teacher_init) {
      const Autocast autocast(learner_.device().type(), options_.precision == Precision::Bf16);
      set_.set_targets(TeacherTargets(
          embed_list(learner_.kept(), set_, set_.train(), learner_.device(), /*flip=*/true).values));
    } else if (!set_.targets().empty()) {
      teacher_text_ = set_.targets().teacher();
      fixed_["teacher"] = set_.targets().digest();
    }
  }

  TrainResult run() {
    require_agreement();
    const bool resumed = go_on();
    const std::vector<BatchPlan> first_epoch = epoch_batches(options_, set_.train(), 0);
    batches_ = first_epoch.size();
    if (progress_.epoch > options_.epochs || progress_.batch > batches_) {
      throw Error(ErrorCode::Format,
                  "epoch " + std::to_string(progress_.epoch) + ", batch " + std::to_string(progress_.batch) +
                      ": at most epoch " + std::to_string(options_.epochs) + ", batch " +
                      std::to_string(batches_) + " expected",
                  checkpoint_, "progress");
    }
    require_shares(first_epoch);
    require_variance(options_, set_.input(), first_epoch);
    if (is_first()) {
      require_writable_weights(options_);
      log_.emplace(run_directory(options_), resumed);
      embed::check_writable(checkpoint_);
      tell_start();
    }
    if (!resumed && !options_.init.empty() && learner_.has_classes()) imprint();
    last_checkpoint_ = steady_seconds();
    while (progress_.epoch < options_.epochs && !progress_.stopped) {
      if (!run_epoch()) return result(/*interrupted=*/true);
    }
    return result(/*interrupted=*/false);
  }

 private:
  /// Batch sizes are those of one rank; a batch is that of all.
  TrainOptions for_all_ranks(TrainOptions options) const {
    const std::size_t ranks = ranks_ == nullptr ? 1 : static_cast<std::size_t>(ranks_->size());
    options.batch_size *= ranks;
    options.identities *= ranks;
    return options;
  }
  /// Ranks that differ would each train a network of its own and call the mixture one.
  void require_agreement() const {
    if (ranks_ == nullptr) return;
    for (const auto& [name, value] : fixed_) {
      if (ranks_->agree(value)) continue;
      throw Error(ErrorCode::Mismatch, "the ranks do not train the same: --" + name + ", here " + value +
                                           ", is another on another rank");
    }
  }
  /// Takes up the checkpoint, where --resume asks for it and there is one. Only rank 0 writes checkpoints, on
  /// its own machine, so it alone looks for one and reads it, for everyone. False: the run begins.
  bool go_on() {
    std::vector<double> found = {is_first() && options_.resume && std::filesystem::exists(checkpoint_) ? 1.0
                                                                                                       : 0.0};
    if (ranks_ != nullptr) ranks_->share(found);
    if (found[0] == 0) return false;
    if (is_first()) progress_ = load_checkpoint(checkpoint_, learner_.state(), fixed_);
    if (ranks_ != nullptr) share_state();
    learner_.set_updates(progress_.updates);
    return true;
  }
  /// Rank 0's for all, but for what validation alone looks at.
  void share_state() {
    std::vector<double> numbers = {
        static_cast<double>(progress_.epoch), static_cast<double>(progress_.batch),
        static_cast<double>(progress_.step),  static_cast<double>(progress_.updates),
        progress_.stopped ? 1.0 : 0.0,        progress_.rate_factor};
    ranks_->share(numbers);
    progress_.epoch = static_cast<std::size_t>(numbers[0]);
    progress_.batch = static_cast<std::size_t>(numbers[1]);
    progress_.step = static_cast<std::size_t>(numbers[2]);
    progress_.updates = static_cast<std::size_t>(numbers[3]);
    progress_.stopped = numbers[4] > 0;
    progress_.rate_factor = numbers[5];
    for (const auto& [name, tensor] : learner_.state()) {
      torch::Tensor live = tensor;
      ranks_->share(live);
    }
  }
  /// Rank 0 validates, writes and tells.
  bool is_first() const { return ranks_ == nullptr || ranks_->rank() == 0; }
  Share share() const {
    if (ranks_ == nullptr) return {};
    return {static_cast<std::size_t>(ranks_->rank()), static_cast<std::size_t>(ranks_->size())};
  }
  void require_shares(const std::vector<BatchPlan>& batches) const {
    if (ranks_ == nullptr) return;
    for (const BatchPlan& plan : batches) {
      if (places_of({0, share().ranks}, plan.size(), batch_parts(options_)).empty()) {
        throw Error(ErrorCode::InvalidArgument, "a batch of " + std::to_string(plan.size()) +
                                                    " pictures is too small for " +
                                                    std::to_string(share().ranks) + " processes");
      }
    }
  }
  /// Whether anyone was asked to stop; the ranks must agree.
  bool asked_to_stop() {
    if (ranks_ == nullptr) return stop_;
    torch::Tensor flag = torch::full({1}, stop_ ? 1.0F : 0.0F).to(learner_.device());
    ranks_->sum(flag);
    return flag.item<float>() > 0;
  }

  /// Class weights for a network that knows something already; rank 0's for all.
  void imprint() {
    // With separate towers the first network is the one that --init is for.
    const ImageList list = set_.train().of_first_kind();
    std::vector<double> means(list.classes * embed::kEmbeddingDim);
    if (is_first()) {
      const Autocast autocast(learner_.device().type(), options_.precision == Precision::Bf16);
      add_to_class_means(embed_list(learner_.kept(), set_, list, learner_.device(), /*flip=*/false), list,
                         means);
    }
    if (ranks_ != nullptr) ranks_->share(means);
    learner_.imprint(torch::tensor(means, torch::kFloat64)
                         .to(torch::kFloat32)
                         .view({static_cast<std::int64_t>(list.classes), -1}));
  }

  void tell_start() {
    RunReport report;
    report.images = set_.train().size();
    report.identities = set_.train().classes;
    report.second_kind = set_.train().size() - set_.train().first_kind;
    report.validation_images = set_.validation().size();
    report.validation_identities = set_.validation().classes;
    report.width = set_.input().width;
    report.height = set_.input().height;
    report.channels = set_.input().channels;
    report.batches = batches_;
    report.device = learner_.device().str();
    report.threads = at::get_num_threads();
    report.resumed_epoch = progress_.epoch;
    report.resumed_batch = progress_.batch;
    report.fingerprint = set_.fingerprint();
    log_->start(report, options_);
    observer_.on_start(report);
    warn(slow_precision_warning(options_, learner_.device()));
  }

  /// False when it was asked to stop.
  bool run_epoch() {
    meter_.begin_epoch(batches_);
    Prefetcher prefetcher(set_, options_, progress_.epoch,
                          epoch_batches(options_, set_.train(), progress_.epoch), progress_.batch, share(),
                          augmenter_ == nullptr ? Prefetcher::Make::Pictures : Prefetcher::Make::Items);
    Batch batch;
    while (prefetcher.next(batch)) {
      const double begin = steady_seconds();
      StepSettings settings;
      settings.learning_rate = learning_rate(options_, progress_.step, batches_) * progress_.rate_factor;
      settings.cosface_margin = cosface_margin(options_, progress_.step, batches_);
      settings.margin = triplet_margin(options_, progress_.step, batches_);
      settings.last_of_epoch = progress_.batch + 1 == batches_;
      progress_.sums.learning_rate = settings.learning_rate;
      progress_.sums.margin = settings.margin;
      const torch::Tensor made = augmenter_ == nullptr ? torch::Tensor() : augmenter_->apply(batch.items);
      if (teacher_) look(batch, made);
      meter_.add(progress_.batch + 1, learner_.step(batch, settings, made));
      ++progress_.batch;
      ++progress_.step;
      if (learner_.device().is_cpu() || meter_.pending() >= kDeviceLag) meter_.settle();
      meter_.took(steady_seconds() - begin, batch.labels.size(), prefetcher.waited());
      report_step();
      // A checkpoint holds no gradients: it waits for their update.
      if (!learner_.settled()) continue;
      if (asked_to_stop()) {
        save();
        return false;
      }
      if (steady_seconds() - last_checkpoint_ > options_.checkpoint_every) save();
    }
    finish_epoch();
    return true;
  }

  /// The teacher's look at what the student is about to see.
  void look(Batch& batch, const torch::Tensor& made) {
    const double before = teacher_->seconds();
    if (made.defined()) {
      const torch::Tensor here = made.cpu().contiguous();
      teacher_->look(here.data_ptr<std::uint8_t>(), batch.places.size(), batch);
    } else {
      teacher_->look(batch.pictures.data(), batch.places.size(), batch);
    }
    progress_.sums.teacher_seconds += teacher_->seconds() - before;
  }

  void report_step() {
    const double time = steady_seconds();
    if (time - last_report_ < kSecondsBetweenReports) return;
    last_report_ = time;
    meter_.settle();
    if (!is_first()) return;
    observer_.on_step(meter_.report());
    if (time - last_line_ < kSecondsBetweenLogLines) return;
    last_line_ = time;
    log_->step(meter_.report());
  }

  void save() {
    meter_.settle();
    if (!learner_.finite()) meter_.fail("a weight is not finite", progress_.batch);
    progress_.updates = learner_.updates();
    if (is_first()) save_checkpoint(checkpoint_, learner_.state(), meter_.with_times(), fixed_);
    last_checkpoint_ = steady_seconds();
  }

  void finish_epoch() {
    meter_.settle();
    if (!learner_.finite()) meter_.fail("a weight is not finite", progress_.batch);
    EpochReport report;
    report.step = meter_.report();
    report.seconds = meter_.epoch_seconds();
    meter_.end_epoch();
    const bool last = progress_.epoch + 1 == options_.epochs;
    const bool due = last || (progress_.epoch + 1) % options_.eval_every == 0;
    std::optional<Verification> verification;
    if (is_first() && due && set_.validation().size() > 0)
      verification = validate_kept(learner_, set_, options_);
    if (verification) {
      report.validation = to_json(*verification);
      note_plateau(options_, *verification, progress_);
    }
    if (is_first()) report.best = keep_if_best(verification, last || progress_.stopped);
    agree_on_progress();
    ++progress_.epoch;
    progress_.batch = 0;
    progress_.sums = EpochSums();
    if (last || progress_.stopped || progress_.epoch % options_.checkpoint_epochs == 0) save();
    if (!is_first()) return;
    log_->epoch(report);
    observer_.on_epoch(report);
    warn_of_collapse(report.step, verification);
    if (progress_.stopped)
      log_->note("early stop", "no better validation in " + std::to_string(progress_.stale));
  }

  /// What validation decided.
  void agree_on_progress() {
    if (ranks_ == nullptr) return;
    std::vector<double> numbers = {progress_.rate_factor, progress_.stopped ? 1.0 : 0.0};
    ranks_->share(numbers);
    progress_.rate_factor = numbers[0];
    progress_.stopped = numbers[1] > 0;
  }

  /// Once a run.
  void warn_of_collapse(const StepReport& step, const std::optional<Verification>& verification) {
    if (warned_) return;
    const std::optional<std::string> warning = collapse_warning(step, verification);
    warned_ = warning.has_value();
    warn(warning);
  }

  void warn(const std::optional<std::string>& text) {
    if (!text) return;
    log_->note("warning", *text);
    observer_.on_warning(*text);
  }

  /// Writes the weights file when this epoch's are the ones to keep.
  bool keep_if_best(const std::optional<Verification>& verification, bool last) {
    const bool validates = set_.validation().size() > 0;
    if (!take_if_best(options_, verification, validates, last, progress_)) return false;
    embed::ModelInfo info = kept_info(options_, set_.input(), verification);
    info.teacher = teacher_text_;
    save_kept(learner_, options_, info);
    return true;
  }

  TrainResult result(bool interrupted) const {
    return {is_first(),           progress_.stopped,         interrupted,
            progress_.best_epoch, progress_.best_evaluation, checkpoint_};
  }

  std::unique_ptr<Ranks> ranks_;  // Null: alone.
  TrainOptions options_;          // With the batch of all ranks together.
  TrainObserver& observer_;
  const std::atomic<bool>& stop_;
  TrainingSet set_;
  Learner learner_;
  std::unique_ptr<DeviceAugmenter> augmenter_;  // Null: the prefetcher's threads augment.
  std::optional<LoopTeacher> teacher_;          // None: stored vectors, or no teacher.
  std::string teacher_text_;
  std::string checkpoint_;
  std::size_t batches_ = 0;  // In an epoch.
  std::map<std::string, std::string> fixed_;
  std::optional<MetricsLog> log_;
  Progress progress_;
  StepMeter meter_;
  bool warned_ = false;
  double last_report_ = 0, last_line_ = 0, last_checkpoint_ = 0;
};

}  // namespace

TrainResult train(const TrainOptions& options, TrainObserver& observer, const std::atomic<bool>& stop,
                  Teacher* teacher) {
  validate(options);
  if (options.teacher.empty() != (teacher == nullptr))
    throw Error(ErrorCode::InvalidArgument, "--teacher: its network must be handed to the run");
  try {
    return Run(with_precision(options), observer, stop, teacher).run();
  } catch (const c10::OutOfMemoryError& error) {
    throw Error(ErrorCode::OutOfMemory,
                std::string("a smaller --batch-size helps: ") + error.what_without_backtrace());
  } catch (const c10::Error& error) {
    throw Error(ErrorCode::Internal, std::string("LibTorch: ") + error.what_without_backtrace());
  }
}

}  // namespace training
