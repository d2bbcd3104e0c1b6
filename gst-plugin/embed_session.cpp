// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed_session.h"

#include <chrono>
#include <cmath>
#include <filesystem>

#include "embed/error.h"
#include "embed/preprocess.h"
#include "roi_crops.h"

namespace embed::gst {
namespace {

using Clock = std::chrono::steady_clock;

std::uint64_t since(Clock::time_point& start) {
  const auto now = Clock::now();
  const auto passed = std::chrono::duration_cast<std::chrono::nanoseconds>(now - start).count();
  start = now;
  return static_cast<std::uint64_t>(passed);
}

std::string key_of(const EmbedSettings& s, const std::string& model) {
  return model + '\n' + s.gallery + '\n' + s.index + '\n' + s.embedder.device + '\n' + s.embedder.precision +
         '\n' + std::to_string(s.embedder.batch_size) + '\n' + std::to_string(s.embedder.threads);
}

Identity unnamed(const EmbedSettings& settings, const std::string& reason) {
  Identity identity;
  identity.label = settings.unknown_label;
  identity.reason = reason;
  return identity;
}

}  // namespace

void EmbedSession::open(const EmbedSettings& settings) {
  const std::string model = settings.model.empty() ? default_model() : settings.model;
  const std::string key = key_of(settings, model);
  if (embedder_ && key == opened_as_) return;
  close();
  auto embedder = std::make_unique<Embedder>(model, settings.embedder);
  const ModelInfo& info = embedder->info();
  gallery_ = settings.gallery.empty() ? Gallery(info.metric, info.sha256)
                                      : Gallery::load(settings.gallery, info.sha256);
  if (settings.index == "faiss") {
    gallery_.build_index(settings.metric == "auto" ? info.metric : parse_metric(settings.metric));
  }
  embedder_ = std::move(embedder);
  model_name_ = std::filesystem::path(model).stem().string();
  opened_as_ = key;
  frame_ = 0;
  const std::lock_guard lock(stats_mutex_);
  stats_ = {};
}

void EmbedSession::close() noexcept {
  embedder_.reset();
  gallery_ = Gallery();
  opened_as_.clear();
}

FramePlan EmbedSession::plan(const std::vector<Roi>& rois, int width, int height,
                             const EmbedSettings& settings) {
  FramePlan plan;
  const bool due = frame_++ % static_cast<std::uint64_t>(settings.inference_interval) == 0;
  plan.identities.reserve(rois.size());
  for (const Roi& roi : rois) {
    RoiCrop crop = check_roi(roi, width, height, settings.min_face_size);
    plan.rejected += crop.rejected ? 1 : 0;
    if (crop.region && !due) crop = {std::nullopt, "skipped", false};
    if (crop.region) {
      plan.regions.push_back(*crop.region);
      plan.roi_of.push_back(plan.identities.size());
    }
    plan.identities.push_back(unnamed(settings, crop.reason));
  }
  return plan;
}

MatchOptions EmbedSession::match_options(const EmbedSettings& settings) const {
  const ModelInfo& info = embedder_->info();
  MatchOptions rule;
  rule.metric = settings.metric == "auto" ? info.metric : parse_metric(settings.metric);
  rule.margin = settings.margin;
  rule.k = static_cast<std::size_t>(settings.k);
  // A threshold says something in the metric that it was calibrated for alone.
  if (settings.threshold >= 0) {
    rule.threshold = static_cast<float>(settings.threshold);
  } else if (gallery_.threshold() && gallery_.metric() == rule.metric) {
    rule.threshold = gallery_.threshold();
  } else if (info.threshold && info.metric == rule.metric) {
    rule.threshold = info.threshold;
  }
  return rule;
}

void EmbedSession::name(const Match& match, const MatchOptions& rule, const EmbedSettings& settings,
                        Identity& identity) const {
  identity.reason = to_string(match.unknown);
  identity.threshold = rule.threshold;
  if (std::isfinite(match.distance)) identity.distance = match.distance;
  if (match.runner_up_id >= 0) {
    identity.runner_up = gallery_.name(match.runner_up_id);
    identity.runner_up_distance = match.runner_up_distance;
  }
  identity.label_id = static_cast<int>(match.label_id);
  identity.label = match.label_id >= 0 ? gallery_.name(match.label_id) : settings.unknown_label;
}

void EmbedSession::embed(const ImageView& image, FramePlan& plan, const EmbedSettings& settings) {
  if (!embedder_) throw Error(ErrorCode::Internal, "no weights are loaded");
  const std::size_t count = plan.regions.size();
  const InputSpec& input = embedder_->info().input;
  const std::size_t bytes = crop_bytes(input);
  auto start = Clock::now();
  crops_.resize(count * bytes);
  embeddings_.resize(count);
  matches_.resize(count);
  for (std::size_t i = 0; i < count; ++i) crop_face(image, plan.regions[i], input, crops_.data() + i * bytes);
  const auto preprocess = since(start);
  embedder_->embed_crops(crops_.data(), count, embeddings_.data());
  const auto infer = since(start);
  const MatchOptions rule = match_options(settings);
  gallery_.match(embeddings_.data(), count, rule, matches_.data());
  for (std::size_t i = 0; i < count; ++i) {
    Identity& identity = plan.identities[plan.roi_of[i]];
    name(matches_[i], rule, settings, identity);
    if (settings.attach_embedding) identity.embedding = embeddings_[i];
  }
  const auto match = since(start);
  const std::size_t batch = settings.embedder.batch_size;
  const std::lock_guard lock(stats_mutex_);
  stats_.preprocess_time += preprocess;
  stats_.infer_time += infer;
  stats_.match_time += match;
  stats_.batches += (count + batch - 1) / batch;
}

void EmbedSession::finish(const FramePlan& plan) {
  const std::lock_guard lock(stats_mutex_);
  ++stats_.frames;
  stats_.faces += plan.identities.size();
  stats_.embedded += plan.regions.size();
  stats_.rejected += plan.rejected;
  for (const Identity& identity : plan.identities) {
    if (identity.reason.empty()) {
      ++stats_.named;
    } else {
      ++stats_.unnamed[identity.reason];
    }
  }
}

std::string EmbedSession::description() const {
  if (!embedder_) return {};
  return model_name_ + " on " + embedder_->device() + " in " + embedder_->precision() + ", " +
         std::to_string(gallery_.names().size()) + " people in " + std::to_string(gallery_.rows()) + " rows";
}

EmbedStats EmbedSession::stats() const {
  const std::lock_guard lock(stats_mutex_);
  return stats_;
}

}  // namespace embed::gst
