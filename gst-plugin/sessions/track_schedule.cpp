// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sessions/track_schedule.h"

#include <algorithm>

#include "embed/track_identities.h"

namespace embed::gst {
namespace {

constexpr std::size_t kMostTracks = 1024;
constexpr float kClearlyBetter = 0.2F;

bool has_grown(std::int64_t side, std::int64_t last) {
  return 3 * side >= 4 * last;
}

}  // namespace

TrackSchedule::Entry& TrackSchedule::entry_of(int track, std::uint64_t frame) {
  if (entries_.size() >= kMostTracks && entries_.count(track) == 0) {
    entries_.erase(std::min_element(entries_.begin(), entries_.end(), [](const auto& a, const auto& b) {
      return a.second.seen < b.second.seen;
    }));
  }
  Entry& entry = entries_[track];
  entry.seen = frame;
  return entry;
}

bool TrackSchedule::due(int track, const PixelRect& box, std::uint64_t frame, std::uint64_t interval,
                        bool may) {
  const std::lock_guard lock(mutex_);
  Entry& entry = entry_of(track, frame);
  const std::int64_t side = std::max(box.width, box.height);
  // Those on the way may settle it: no more than decide anything are sent after an open question at once.
  const bool open = entry.open && entry.waiting < kLeastEmbeddings;
  const bool wanted = entry.embeddings < kLeastEmbeddings || open || frame - entry.last >= interval ||
                      has_grown(side, entry.side);
  if (!may || !wanted) return false;
  ++entry.embeddings;
  ++entry.waiting;
  entry.last = frame;
  entry.side = side;
  return true;
}

bool TrackSchedule::may_improve(int track) {
  const std::lock_guard lock(mutex_);
  const auto at = entries_.find(track);
  return at != entries_.end() && at->second.quality + kClearlyBetter <= 1;
}

bool TrackSchedule::improves(int track, float quality) {
  const std::lock_guard lock(mutex_);
  const auto at = entries_.find(track);
  if (at == entries_.end() || quality < at->second.quality + kClearlyBetter) return false;
  Entry& entry = at->second;
  ++entry.embeddings;
  ++entry.waiting;
  entry.last = entry.seen;
  entry.quality = quality;
  return true;
}

void TrackSchedule::embeds(int track, float quality) {
  const std::lock_guard lock(mutex_);
  const auto at = entries_.find(track);
  if (at != entries_.end()) at->second.quality = std::max(at->second.quality, quality);
}

void TrackSchedule::done(int track, bool open) {
  const std::lock_guard lock(mutex_);
  const auto at = entries_.find(track);
  if (at == entries_.end()) return;
  // A track of the stream before may have had the same id.
  at->second.waiting -= at->second.waiting > 0 ? 1 : 0;
  at->second.open = open;
}

void TrackSchedule::clear() {
  const std::lock_guard lock(mutex_);
  entries_.clear();
}

}  // namespace embed::gst
