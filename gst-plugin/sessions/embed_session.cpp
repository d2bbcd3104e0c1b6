// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sessions/embed_session.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <optional>

#include "embed/default_weights.h"
#include "embed/error.h"
#include "embed/preprocess.h"
#include "sessions/roi_crops.h"

namespace embed::gst {
namespace {

using Clock = std::chrono::steady_clock;

// Fewer leave no room for one frame to be cut while another is embedded; more only make a stream lag.
constexpr std::size_t kFewestFrames = 4;
constexpr std::size_t kMostFrames = 16;
// Of frames whose faces fill a batch: one is embedded while the next one is cut.
constexpr std::size_t kFewestFullFrames = 2;
// Between frames whose times nobody knows.
constexpr std::chrono::milliseconds kFrameTime{33};

std::uint64_t since(Clock::time_point& start) {
  const auto now = Clock::now();
  const auto passed = std::chrono::duration_cast<std::chrono::nanoseconds>(now - start).count();
  start = now;
  return static_cast<std::uint64_t>(passed);
}

void add_batches(const BatchStats& batches, EmbedStats& stats) {
  stats.batches = batches.passes;
  if (batches.passes > 0) {
    stats.mean_batch_size =
        static_cast<double>(batches.faces_in_passes) / static_cast<double>(batches.passes);
  }
  stats.wait_time = static_cast<std::uint64_t>(batches.wait_time.count());
  stats.infer_time = static_cast<std::uint64_t>(batches.pass_time.count());
}

/// The face's track; 0 for none, and for a second face of the frame with the same one.
int track_of(const Roi& roi, const std::vector<FacePlace>& before) {
  const bool repeated = roi.track != 0 && std::any_of(before.begin(), before.end(), [&](const auto& place) {
                          return place.track == roi.track;
                        });
  return repeated || roi.track < 0 ? 0 : roi.track;
}

Identity unnamed(const EmbedSettings& settings, Reason reason) {
  Identity identity;
  identity.label = settings.unknown_label;
  identity.reason = reason;
  return identity;
}

/// Whether the network's pictures are of faces, and not whole pictures of anything.
bool shows_faces(const InputSpec& input) {
  return input.crop.alignment != Alignment::Whole;
}

FaceQuality quality_of(const ImageView& image, const FaceRegion& region, const InputSpec& input,
                       const std::uint8_t* crop, const std::optional<double>& score) {
  if (!shows_faces(input)) return {};
  const auto certain = score ? std::optional<float>(static_cast<float>(*score)) : std::nullopt;
  return face_quality(image, region, input, crop, certain);
}

}  // namespace

void EmbedSession::open_gallery(const EmbedSettings& settings, const ModelInfo& info) {
  live_gallery_.open(settings.gallery, info.metric, info.sha256);
  if (live_gallery_.changed(gallery_number_)) gallery_ = live_gallery_.get();
}

void EmbedSession::open(const EmbedSettings& settings) {
  const std::string model = settings.model.empty() ? default_weights("the property 'model'") : settings.model;
  // The default weights may be others than before.
  const std::string key = settings.start_key.empty() ? "" : settings.start_key + model;
  if (queue_ && !key.empty() && key == opened_as_) {
    open_gallery(settings, embedder_->info());
    return;
  }
  close();
  const auto shared = share_embedder(model, settings.embedder, settings.model_instance_id);
  const ModelInfo& info = shared->embedder().info();
  open_gallery(settings, info);
  strangers_.open(info, settings);
  const auto timeout = std::chrono::duration_cast<std::chrono::nanoseconds>(
      std::chrono::duration<double, std::milli>(settings.batch_timeout));
  {
    const std::lock_guard lock(queue_mutex_);
    queue_ = std::shared_ptr<BatchQueue>(shared, &shared->queue());
    batch_timeout_ = timeout;
  }
  embedder_ = &shared->embedder();
  auto client = std::make_unique<BatchClient>(queue_, timeout);
  model_name_ = std::filesystem::path(model).stem().string();
  opened_as_ = key;
  restart();
  forget();
  const std::lock_guard lock(stats_mutex_);
  client_ = std::move(client);
  stats_ = {};
}

void EmbedSession::close() noexcept {
  {
    const std::lock_guard lock(stats_mutex_);
    if (client_) add_batches(client_->stats(), stats_);
    client_.reset();
  }
  idle_requests_.clear();
  embedder_ = nullptr;
  std::shared_ptr<BatchQueue> closed;  // Ends without the lock: its thread is waited for.
  {
    const std::lock_guard lock(queue_mutex_);
    closed.swap(queue_);
    batch_timeout_ = {};
  }
  closed.reset();
  live_gallery_.close();
  gallery_.reset();
  strangers_.close();
  opened_as_.clear();
}

FramePlan EmbedSession::plan(const std::vector<Roi>& rois, int width, int height,
                             const EmbedSettings& settings, bool late) {
  FramePlan plan;
  // Frames on which nobody looked for faces do not count: an interval of frames that have faces of their own.
  const bool seen =
      rois.empty() || !std::all_of(rois.begin(), rois.end(), [](const Roi& roi) { return roi.predicted; });
  const bool due = seen && frame_ % static_cast<std::uint64_t>(settings.inference_interval) == 0;
  frame_ += seen ? 1 : 0;
  ++all_frames_;
  plan.frame = frame_;
  plan.identities.reserve(rois.size());
  plan.places.reserve(rois.size());
  for (const Roi& roi : rois) {
    RoiCrop crop = check_roi(roi, width, height, settings.min_face_size);
    plan.rejected += crop.rejected ? 1 : 0;
    if (crop.region && due && late) plan.late = true;
    const int track = track_of(roi, plan.places);
    bool embeds = crop.region && due && !late && !roi.predicted;
    const bool may = embeds;
    if (track != 0)
      embeds = schedule_.due(track, roi.box, all_frames_,
                             static_cast<std::uint64_t>(settings.reclassify_interval), embeds);
    if (may && !embeds && schedule_.may_improve(track))
      plan.spare.push_back({*crop.region, plan.identities.size(), roi.confidence});
    if (crop.region && !embeds) crop = {std::nullopt, Reason::Skipped, false};
    if (crop.region) {
      plan.regions.push_back(*crop.region);
      plan.roi_of.push_back(plan.identities.size());
      plan.scores.push_back(roi.confidence);
    }
    plan.identities.push_back(unnamed(settings, crop.reason));
    plan.places.push_back({roi.box, track, roi.predicted});
  }
  return plan;
}

void EmbedSession::restart() {
  frame_ = all_frames_ = 0;
  faces_ = 1;
  schedule_.clear();
}

void EmbedSession::forget() {
  carried_.clear();
  strangers_.restart();
  const std::lock_guard lock(tracks_mutex_);
  tracks_.clear();
}

std::optional<TrackEvidence> EmbedSession::evidence(int track) const {
  const std::lock_guard lock(tracks_mutex_);
  const TrackEvidence* known = tracks_.evidence(track);
  return known != nullptr ? std::optional<TrackEvidence>(*known) : std::nullopt;
}

void EmbedSession::name(const Match& match, const MatchOptions& rule, const EmbedSettings& settings,
                        Identity& identity) const {
  identity.reason = reason_of(match.unknown);
  identity.threshold = rule.threshold;
  identity.far = far_;
  if (std::isfinite(match.distance)) identity.distance = match.distance;
  if (match.nearest_id >= 0) identity.nearest = gallery_->name(match.nearest_id);
  if (match.runner_up_id >= 0) {
    identity.runner_up = gallery_->name(match.runner_up_id);
    identity.runner_up_distance = match.runner_up_distance;
  }
  identity.label_id = static_cast<int>(match.label_id);
  identity.label = match.label_id >= 0 ? gallery_->name(match.label_id) : settings.unknown_label;
}

std::shared_ptr<BatchRequest> EmbedSession::take_request() {
  {
    const std::lock_guard lock(requests_mutex_);
    if (!idle_requests_.empty()) {
      auto request = std::move(idle_requests_.back());
      idle_requests_.pop_back();
      return request;
    }
  }
  return std::make_shared<BatchRequest>();
}

void EmbedSession::give_back(std::shared_ptr<BatchRequest> request) {
  const std::lock_guard lock(requests_mutex_);
  idle_requests_.push_back(std::move(request));
}

/// Embeds those of the spare faces too whose pictures are clearly better than those of their tracks so far.
void EmbedSession::take_spare(const ImageView& image, FramePlan& plan) {
  const InputSpec& input = embedder_->info().input;
  spare_crop_.resize(queue_->crop_bytes());
  for (const SpareRegion& spare : plan.spare) {
    crop_face(image, spare.region, input, spare_crop_.data());
    const FaceQuality quality = quality_of(image, spare.region, input, spare_crop_.data(), spare.score);
    if (!schedule_.improves(plan.places[spare.roi].track, quality.overall)) continue;
    plan.regions.push_back(spare.region);
    plan.roi_of.push_back(spare.roi);
    plan.scores.push_back(spare.score);
  }
}

void EmbedSession::submit(const ImageView& image, FramePlan& plan) {
  if (!client_) throw Error(ErrorCode::Internal, "no weights are loaded");
  auto start = Clock::now();
  if (!plan.spare.empty()) take_spare(image, plan);
  if (plan.regions.empty()) return;
  const InputSpec& input = embedder_->info().input;
  const std::size_t bytes = queue_->crop_bytes();
  plan.request = take_request();
  faces_ = std::max<std::size_t>(1, plan.regions.size());
  std::uint8_t* crops = plan.request->prepare(plan.regions.size(), bytes);
  plan.qualities.resize(plan.regions.size());
  for (std::size_t i = 0; i < plan.regions.size(); ++i) {
    crop_face(image, plan.regions[i], input, crops + i * bytes);
    plan.qualities[i] = quality_of(image, plan.regions[i], input, crops + i * bytes, plan.scores[i]);
    schedule_.embeds(plan.places[plan.roi_of[i]].track, plan.qualities[i].overall);
  }
  client_->submit(plan.request);
  const auto preprocess = since(start);
  const std::lock_guard lock(stats_mutex_);
  stats_.preprocess_time += preprocess;
}

bool EmbedSession::complete(FramePlan& plan, const EmbedSettings& settings) {
  if (plan.request && !client_->wait(*plan.request)) return false;
  auto start = Clock::now();
  if (live_gallery_.changed(gallery_number_)) gallery_ = live_gallery_.get();
  // A frame without faces ends tracks.
  const MatchOptions rule = match_rule(settings.match, embedder_->info(), *gallery_);
  far_ = false_name_rate(rule, embedder_->info(), *gallery_);
  name_faces(plan, rule, settings);
  name_tracks(plan, rule, settings);
  tell_quality(plan);
  if (plan.request) give_back(std::move(plan.request));
  carried_.carry(plan.places, plan.roi_of, plan.frame,
                 static_cast<std::uint64_t>(settings.inference_interval), plan.identities);
  const auto match = since(start);
  const std::lock_guard lock(stats_mutex_);
  stats_.match_time += match;
  return true;
}

/// The embedded faces that have no track, each by itself.
void EmbedSession::name_faces(FramePlan& plan, const MatchOptions& rule, const EmbedSettings& settings) {
  if (plan.regions.empty()) return;
  const Embedding* embeddings = plan.request->embeddings();
  queries_.clear();
  for (std::size_t i = 0; i < plan.regions.size(); ++i) {
    if (settings.attach_embedding) plan.identities[plan.roi_of[i]].embedding = embeddings[i];
    if (plan.places[plan.roi_of[i]].track == 0) queries_.push_back(embeddings[i]);
  }
  matches_.resize(queries_.size());
  gallery_->match(queries_.data(), queries_.size(), rule, matches_.data());
  const Match* match = matches_.data();
  for (const std::size_t roi : plan.roi_of)
    if (plan.places[roi].track == 0) name(*match++, rule, settings, plan.identities[roi]);
}

/// The faces that have one, embedded or not.
void EmbedSession::name_tracks(FramePlan& plan, const MatchOptions& rule, const EmbedSettings& settings) {
  time_ = plan.time.value_or(time_ + kFrameTime);
  track_faces_.clear();
  for (const FacePlace& place : plan.places)
    track_faces_.push_back({place.track, !place.predicted, nullptr, 1});
  for (std::size_t i = 0; i < plan.regions.size(); ++i) {
    TrackFace& face = track_faces_[plan.roi_of[i]];
    face.embedding = plan.request->embeddings() + i;
    face.quality = plan.qualities[i].overall;
  }
  const auto& decisions = [&]() -> const std::vector<TrackDecision>& {
    const std::lock_guard lock(tracks_mutex_);
    return tracks_.take(track_faces_.data(), track_faces_.size(), gallery_, rule, time_);
  }();
  for (std::size_t i = 0; i < track_faces_.size(); ++i) {
    const TrackFace& face = track_faces_[i];
    if (face.track == 0) continue;
    name_by_track(decisions[i], face.embedding != nullptr, rule, settings, plan.identities[i]);
    const std::uint8_t* crop = nullptr;
    if (face.embedding != nullptr) {
      const auto region = static_cast<std::size_t>(face.embedding - plan.request->embeddings());
      crop = plan.request->crops() + region * queue_->crop_bytes();
    }
    strangers_.label(face.track, decisions[i], tracks_.evidence(face.track), crop, face.quality,
                     plan.identities[i]);
    if (face.embedding != nullptr) schedule_.done(face.track, decisions[i].open);
  }
}

void EmbedSession::name_by_track(const TrackDecision& decision, bool embedded, const MatchOptions& rule,
                                 const EmbedSettings& settings, Identity& identity) const {
  const bool named = decision.state == IdentityState::Named;
  const bool undecided = decision.state == IdentityState::Undecided;
  const bool compared = decision.match.nearest_id >= 0;
  // Of a face that cannot be embedded the frame says why; only a name is more than that.
  if (!embedded && !named && identity.reason != Reason::Skipped) return;
  if (!embedded && undecided && !compared) return;
  if (compared || !undecided) name(decision.match, rule, settings, identity);
  if (undecided) identity.reason = Reason::Undecided;
  if (decision.taken) identity.reason = Reason::Taken;
  identity.predicted = !embedded;
}

/// Of the regions that were embedded, once they have a name or the rule's reason for having none. A poor
/// picture is no reason where there was a better one of the track.
void EmbedSession::tell_quality(FramePlan& plan) const {
  if (!shows_faces(embedder_->info().input)) return;
  for (std::size_t i = 0; i < plan.regions.size(); ++i) {
    Identity& identity = plan.identities[plan.roi_of[i]];
    const FaceQuality& quality = plan.qualities[i];
    identity.quality = quality.overall;
    const TrackEvidence* evidence = tracks_.evidence(plan.places[plan.roi_of[i]].track);
    if (evidence == nullptr || evidence->best_quality() <= quality.overall)
      identity.reason = explained(identity.reason, quality.flaw);
  }
}

void EmbedSession::withdraw() noexcept {
  if (client_) client_->withdraw();
}

void EmbedSession::rest() noexcept {
  if (client_) client_->rest();
}

std::size_t EmbedSession::most_frames(const EmbedSettings& settings) const {
  if (settings.max_size_buffers > 0) return static_cast<std::size_t>(settings.max_size_buffers);
  const std::lock_guard lock(queue_mutex_);
  if (!queue_) return kFewestFrames;
  const std::size_t streams = std::max<std::size_t>(1, queue_->clients());
  return std::clamp((2 * queue_->batch_size() + streams - 1) / streams, kFewestFrames, kMostFrames);
}

std::size_t EmbedSession::room(const EmbedSettings& settings) const {
  const std::size_t most = most_frames(settings);
  if (settings.max_size_buffers > 0 || !queue_) return most;
  return std::min(most, std::max(kFewestFullFrames, 2 * queue_->batch_size() / faces_));
}

std::uint64_t EmbedSession::batch_timeout() const {
  const std::lock_guard lock(queue_mutex_);
  return static_cast<std::uint64_t>(batch_timeout_.count());
}

void EmbedSession::finish(const FramePlan& plan) {
  const std::lock_guard lock(stats_mutex_);
  ++stats_.frames;
  stats_.faces += plan.identities.size() + plan.surplus;
  stats_.embedded += plan.regions.size();
  stats_.drops += plan.late ? 1 : 0;
  stats_.rejected += plan.rejected;
  for (const Identity& identity : plan.identities) {
    if (identity.predicted) {
      ++stats_.predicted;
      ++stats_.unnamed[Reason::Skipped];
    } else if (identity.reason == Reason::None) {
      ++stats_.named;
    } else {
      ++stats_.unnamed[identity.reason];
    }
  }
  if (plan.surplus > 0) stats_.unnamed[Reason::TooMany] += plan.surplus;
}

bool EmbedSession::in_software() const {
  return embedder_ != nullptr && embedder_->device() == "cpu" && embedder_->precision() != "fp32" &&
         embedder_->backend() == "libtorch";
}

std::string EmbedSession::description() const {
  if (embedder_ == nullptr) return {};
  return model_name_ + " on " + embedder_->device() + " in " + embedder_->precision() + ", " +
         std::to_string(gallery_->names().size()) + " people in " + std::to_string(gallery_->rows()) +
         " rows; " + std::to_string(queue_->clients()) + " streams share the model";
}

EmbedStats EmbedSession::stats() const {
  const std::lock_guard lock(stats_mutex_);
  EmbedStats stats = stats_;
  if (client_) add_batches(client_->stats(), stats);
  return stats;
}

}  // namespace embed::gst
