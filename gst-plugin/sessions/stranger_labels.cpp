// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sessions/stranger_labels.h"

#include <chrono>
#include <utility>

#include "embed/error.h"

namespace embed::gst {
namespace {

std::int64_t utc_milliseconds() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

}  // namespace

void StrangerLabels::open(const ModelInfo& model, const EmbedSettings& settings) {
  close();
  StrangersOptions options;
  options.far = settings.match.far;
  options.retention_days = settings.strangers_retention;
  options.keep_crops = settings.keep_crops;
  std::shared_ptr<Strangers> shared;
  try {
    shared = share_strangers(model, options, settings.strangers);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::Unsupported || !settings.strangers.empty()) throw;
    return;
  }
  camera_ = settings.camera;
  stream_ = shared->open_stream(camera_);
  const std::lock_guard lock(mutex_);
  strangers_ = std::move(shared);
}

void StrangerLabels::close() noexcept {
  if (strangers_) strangers_->close_stream(stream_);
  std::shared_ptr<Strangers> closed;  // Ends without the lock: its file is written.
  const std::lock_guard lock(mutex_);
  closed.swap(strangers_);
}

std::shared_ptr<Strangers> StrangerLabels::strangers() const {
  const std::lock_guard lock(mutex_);
  return strangers_;
}

void StrangerLabels::restart() {
  if (!strangers_) return;
  strangers_->close_stream(stream_);
  stream_ = strangers_->open_stream(camera_);
}

void StrangerLabels::label(int track, const TrackDecision& decision, const TrackEvidence* evidence,
                           const std::uint8_t* crop, float quality, Identity& identity) {
  if (!strangers_) return;
  const bool embedded = crop != nullptr && evidence != nullptr;
  if (decision.state == IdentityState::Named) {
    if (embedded) strangers_->withdraw(stream_, track);
    return;
  }
  // A second face of somebody who is seen elsewhere on the frame is no stranger.
  if (!embedded || decision.taken || decision.state == IdentityState::Undecided) {
    identity.stranger = stranger_label(strangers_->number(stream_, track));
    return;
  }
  const std::uint64_t number = strangers_->see(
      {stream_, track, evidence->all().values(), evidence->weight(), evidence->count(), utc_milliseconds()});
  if (number != 0) strangers_->offer_crop(number, quality, crop);
  identity.stranger = stranger_label(number);
}

std::string StrangerLabels::take_trouble() {
  return strangers_ ? strangers_->take_trouble() : std::string();
}

}  // namespace embed::gst
