// SPDX-License-Identifier: LGPL-2.1-or-later
#include "trainer.h"

#include <ATen/Parallel.h>
#include <c10/util/Exception.h>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "autocast.h"
#include "cross_kind.h"
#include "device_augmenter.h"
#include "embed/error.h"
#include "embed/nn/precision.h"
#include "embed/safetensors.h"
#include "learner.h"
#include "metrics_log.h"
#include "ranks.h"
#include "run_checks.h"
#include "schedule.h"
#include "towers.h"

namespace training {

namespace {

using embed::Error;
using embed::ErrorCode;

constexpr double kSecondsBetweenReports = 0.25;
constexpr double kSecondsBetweenLogLines = 10;
/// On a GPU the losses are looked at this often, so that the device is not waited for at each step.
constexpr std::size_t kDeviceLag = 32;
/// Of a batch in the running difference of the median distances.
constexpr double kGapRate = 0.05;
/// Median distance of negative pairs, as a share of the margin, below which the network has collapsed.
constexpr double kCollapse = 0.02;

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Of the weights that a run starts from.
std::string digest_of(const std::string& path) {
  return path.empty() ? "-" : embed::SafetensorsFile(path).sha256();
}

/// `auto` as what it is on the device of this run.
TrainOptions with_precision(TrainOptions options) {
  if (options.precision == Precision::Auto) {
    const bool native = embed::nn::has_native_bf16(training_device(options));
    options.precision = native ? Precision::Bf16 : Precision::Fp32;
  }
  return options;
}

class Run {
 public:
  Run(const TrainOptions& options, TrainObserver& observer, const std::atomic<bool>& stop)
      : ranks_(Ranks::from_environment(training_device(options))),
        options_(for_all_ranks(options)),
        observer_(observer),
        stop_(stop),
        set_(options),
        learner_(options, set_.input(), set_.train().classes, ranks_.get()),
        augmenter_(DeviceAugmenter::make(set_, options, learner_.device())),
        checkpoint_(run_directory(options) + "/checkpoint.safetensors"),
        fixed_(decisive_options(options_)) {
    fixed_["data"] = set_.fingerprint();
    fixed_["data-other"] = set_.other_fingerprint();
    fixed_["init"] = digest_of(options_.init);
    fixed_["init-other"] = digest_of(options_.init_other);
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
    last_checkpoint_ = now();
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
    std::vector<double> numbers = {static_cast<double>(progress_.epoch),
                                   static_cast<double>(progress_.batch),
                                   static_cast<double>(progress_.step),
                                   static_cast<double>(progress_.updates),
                                   progress_.stopped ? 1.0 : 0.0,
                                   progress_.rate_factor,
                                   progress_.gap};
    ranks_->share(numbers);
    progress_.epoch = static_cast<std::size_t>(numbers[0]);
    progress_.batch = static_cast<std::size_t>(numbers[1]);
    progress_.step = static_cast<std::size_t>(numbers[2]);
    progress_.updates = static_cast<std::size_t>(numbers[3]);
    progress_.stopped = numbers[4] > 0;
    progress_.rate_factor = numbers[5];
    progress_.gap = numbers[6];
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
      const LabelledEmbeddings values =
          embed_list(learner_.kept(), set_, list, learner_.device(), /*flip=*/false);
      for (std::size_t i = 0; i < list.size(); ++i) {
        double* mean = means.data() + static_cast<std::size_t>(list.labels[i]) * embed::kEmbeddingDim;
        for (std::size_t d = 0; d < embed::kEmbeddingDim; ++d)
          mean[d] += static_cast<double>(values.values[i][d]);
      }
    }
    if (ranks_ != nullptr) ranks_->share(means);
    learner_.imprint(torch::tensor(means, torch::kFloat64)
                         .to(torch::kFloat32)
                         .view({static_cast<std::int64_t>(list.classes), -1}));
  }

  struct Pending {
    std::size_t batch;
    StepValue value;
  };

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
    warn_of_slow_precision();
  }

  /// False when it was asked to stop.
  bool run_epoch() {
    epoch_start_ = now();
    Prefetcher prefetcher(set_, options_, progress_.epoch,
                          epoch_batches(options_, set_.train(), progress_.epoch), progress_.batch, share(),
                          augmenter_ == nullptr ? Prefetcher::Make::Pictures : Prefetcher::Make::Items);
    Batch batch;
    while (prefetcher.next(batch)) {
      const double begin = now();
      StepSettings settings;
      settings.learning_rate = learning_rate(options_, progress_.step, batches_) * progress_.rate_factor;
      settings.cosface_margin = cosface_margin(options_, progress_.step, batches_);
      settings.margin = triplet_margin(options_, progress_.step, batches_, progress_.gap);
      settings.last_of_epoch = progress_.batch + 1 == batches_;
      progress_.sums.learning_rate = settings.learning_rate;
      progress_.sums.margin = settings.margin;
      const torch::Tensor made = augmenter_ == nullptr ? torch::Tensor() : augmenter_->apply(batch.items);
      pending_.push_back({progress_.batch + 1, learner_.step(batch, settings, made)});
      ++progress_.batch;
      ++progress_.step;
      if (learner_.device().is_cpu() || pending_.size() >= kDeviceLag) settle();
      trained_seconds_ += now() - begin;
      trained_images_ += batch.labels.size();
      ++trained_steps_;
      wait_ = prefetcher.waited();
      report_step();
      // A checkpoint holds no gradients: it waits for their update.
      if (!learner_.settled()) continue;
      if (asked_to_stop()) {
        save();
        return false;
      }
      if (now() - last_checkpoint_ > options_.checkpoint_every) save();
    }
    finish_epoch();
    return true;
  }

  /// Looks at the losses that were not looked at yet.
  void settle() {
    for (const Pending& item : pending_) {
      const double loss = item.value.loss.item<double>();
      if (!std::isfinite(loss)) fail("the loss is not finite (" + std::to_string(loss) + ")", item.batch);
      EpochSums& sums = progress_.sums;
      sums.loss += loss;
      sums.active += item.value.active.item<double>();
      ++sums.steps;
      add_triplets(item.value);
      if (item.value.gradient_norm.defined()) {
        sums.gradient_norm += item.value.gradient_norm.item<double>();
        ++sums.updates;
      }
    }
    pending_.clear();
  }

  void add_triplets(const LossValue& value) {
    EpochSums& sums = progress_.sums;
    if (value.kinds.defined()) {
      const torch::Tensor kinds = value.kinds.to(torch::kCPU);
      for (std::size_t i = 0; i < 3; ++i) sums.kinds[i] += kinds.data_ptr<std::int64_t>()[i];
    }
    if (!value.spread.defined()) return;
    const torch::Tensor spread = value.spread.to(torch::kCPU).contiguous();
    const float* numbers = spread.data_ptr<float>();
    const double gap = numbers[4] - numbers[1];
    if (!std::isfinite(gap)) return;  // A batch without pairs of one of the kinds.
    progress_.gap += kGapRate * (gap - progress_.gap);
    ++sums.spreads;
    for (std::size_t i = 0; i < 6; ++i) sums.distances[i / 3][i % 3] += numbers[i];
  }

  [[noreturn]] void fail(const std::string& what, std::size_t batch) const {
    throw Error(ErrorCode::Internal,
                what + " in epoch " + std::to_string(progress_.epoch + 1) + ", batch " +
                    std::to_string(batch) +
                    ": training stopped, the last good checkpoint stays; a lower --lr or a longer "
                    "--warmup-epochs helps",
                checkpoint_);
  }

  /// Time that this process has trained, validation left out.
  double busy() const { return trained_seconds_ + waited_before_ + wait_; }

  /// The progress with what this process adds to the times.
  Progress with_times() const {
    Progress progress = progress_;
    progress.busy_seconds += busy();
    progress.images += trained_images_;
    if (progress.batch == 0) return progress;  // No epoch is under way.
    progress.sums.seconds += now() - epoch_start_;
    progress.sums.waited += wait_;
    return progress;
  }

  StepReport step_report() const {
    StepReport report;
    const EpochSums& sums = progress_.sums;
    const auto steps = static_cast<double>(std::max<std::size_t>(1, sums.steps));
    report.epoch = progress_.epoch + 1;
    report.epochs = options_.epochs;
    report.batch = progress_.batch;
    report.batches = batches_;
    report.loss = sums.loss / steps;
    report.active = sums.active / steps;
    report.learning_rate = sums.learning_rate;
    report.margin = sums.margin;
    report.gradient_norm = sums.gradient_norm / static_cast<double>(std::max<std::size_t>(1, sums.updates));
    report.kinds = sums.kinds;
    for (std::size_t i = 0; i < 6; ++i) {
      report.distances[i / 3][i % 3] =
          sums.spreads == 0 ? std::nan("") : sums.distances[i / 3][i % 3] / static_cast<double>(sums.spreads);
    }
    const Progress so_far = with_times();
    report.images_per_second =
        so_far.busy_seconds > 0 ? static_cast<double>(so_far.images) / so_far.busy_seconds : 0;
    report.data_wait = so_far.sums.seconds > 0 ? so_far.sums.waited / so_far.sums.seconds : 0;
    const auto left = static_cast<double>(options_.epochs * batches_ - progress_.step);
    report.seconds_left = trained_steps_ > 0 ? left * busy() / static_cast<double>(trained_steps_) : 0;
    return report;
  }

  void report_step() {
    const double time = now();
    if (time - last_report_ < kSecondsBetweenReports) return;
    last_report_ = time;
    settle();
    if (!is_first()) return;
    observer_.on_step(step_report());
    if (time - last_line_ < kSecondsBetweenLogLines) return;
    last_line_ = time;
    log_->step(step_report());
  }

  void save() {
    settle();
    if (!learner_.finite()) fail("a weight is not finite", progress_.batch);
    progress_.updates = learner_.updates();
    if (is_first()) save_checkpoint(checkpoint_, learner_.state(), with_times(), fixed_);
    last_checkpoint_ = now();
  }

  void finish_epoch() {
    settle();
    if (!learner_.finite()) fail("a weight is not finite", progress_.batch);
    EpochReport report;
    report.step = step_report();
    report.seconds = with_times().sums.seconds;
    waited_before_ += wait_;
    wait_ = 0;
    const bool last = progress_.epoch + 1 == options_.epochs;
    const bool due = last || (progress_.epoch + 1) % options_.eval_every == 0;
    std::optional<Verification> verification;
    if (is_first() && due && set_.validation().size() > 0)
      verification = validate_kept(learner_, set_, options_);
    if (verification) {
      report.validation = to_json(*verification);
      note_plateau(*verification);
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

  void warn_of_slow_precision() {
    if (options_.precision != Precision::Bf16 || embed::nn::has_native_bf16(learner_.device())) return;
    const std::string text =
        "this CPU computes bfloat16 in software, many times slower than float32: --precision auto takes "
        "what is fast";
    log_->note("warning", text);
    observer_.on_warning(text);
  }

  /// What a look at the numbers tells, said once a run.
  void warn_of_collapse(const StepReport& step, const std::optional<Verification>& verification) {
    if (warned_) return;
    const bool by_distance = std::isfinite(step.distances[1][1]) && step.margin > 0 &&
                             step.distances[1][1] < kCollapse * step.margin;
    const bool by_spread = verification && verification->triplets.spread < kCollapse * kCollapse;
    if (!by_distance && !by_spread) return;
    warned_ = true;
    const std::string text =
        "the embeddings collapse: pictures of different identities come out alike. A lower --lr, a longer "
        "--warmup-epochs, --miner semi-hard or --margin-schedule linear in the place of the hardest "
        "triplets, or "
        "a start with --loss cosface helps";
    log_->note("warning", text);
    observer_.on_warning(text);
  }

  /// Counts the validations without a better one; the rate drops and the run ends by them.
  void note_plateau(const Verification& verification) {
    const Select by = options_.select == Select::Last ? Select::Auc : options_.select;
    const double value = measure(verification, by);
    if (!progress_.has_measure || value > progress_.measure) {
      progress_.has_measure = true;
      progress_.measure = value;
      progress_.stale = progress_.plateau = 0;
      return;
    }
    ++progress_.stale;
    ++progress_.plateau;
    if (options_.schedule == Schedule::Plateau && progress_.plateau >= options_.patience) {
      progress_.rate_factor *= options_.plateau_factor;
      progress_.plateau = 0;
    }
    progress_.stopped = options_.early_stop > 0 && progress_.stale >= options_.early_stop;
  }

  /// Writes the weights file when this epoch's are the ones to keep. Without validation every epoch's are.
  bool keep_if_best(const std::optional<Verification>& verification, bool last) {
    const bool choosing = set_.validation().size() > 0 && options_.select != Select::Last;
    if (!choosing && !last && (progress_.epoch + 1) % options_.checkpoint_epochs != 0) return false;
    if (choosing) {
      if (!verification) return false;
      const double value = measure(*verification, options_.select);
      if (progress_.has_best && value <= progress_.best) return false;
      progress_.best = value;
    }
    progress_.has_best = true;
    progress_.best_epoch = progress_.epoch + 1;
    progress_.best_evaluation = verification ? to_json(*verification) : "";
    embed::ModelInfo info;
    info.head = options_.head;
    info.input = set_.input();
    info.metric = options_.metric;
    info.trained_on = options_.trained_on;
    info.recipe = options_.recipe;
    info.evaluation = progress_.best_evaluation;
    if (verification) {
      for (const Roc::Point& point : verification->roc.tar_at_far) {  // The finest rate comes last.
        // Below 0 where pictures of different identities coincide: no threshold turns them away.
        if (!verification->roc.measurable(point) || !std::isfinite(point.threshold) || point.threshold < 0)
          continue;
        info.threshold = point.threshold;
        info.threshold_far = static_cast<float>(point.far);
      }
    }
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
  std::string checkpoint_;
  std::size_t batches_ = 0;  // In an epoch.
  std::map<std::string, std::string> fixed_;
  std::optional<MetricsLog> log_;
  Progress progress_;
  std::vector<Pending> pending_;
  bool warned_ = false;
  double epoch_start_ = 0, wait_ = 0, waited_before_ = 0, trained_seconds_ = 0;  // Of this process.
  std::size_t trained_images_ = 0, trained_steps_ = 0;
  double last_report_ = 0, last_line_ = 0, last_checkpoint_ = 0;
};

}  // namespace

TrainResult train(const TrainOptions& options, TrainObserver& observer, const std::atomic<bool>& stop) {
  validate(options);
  try {
    return Run(with_precision(options), observer, stop).run();
  } catch (const c10::OutOfMemoryError& error) {
    throw Error(ErrorCode::OutOfMemory,
                std::string("a smaller --batch-size helps: ") + error.what_without_backtrace());
  } catch (const c10::Error& error) {
    throw Error(ErrorCode::Internal, std::string("LibTorch: ") + error.what_without_backtrace());
  }
}

}  // namespace training
