// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sessions/track_session.h"

#include <algorithm>
#include <utility>

namespace embed::gst {
namespace {

constexpr OptionSpec kOptions[] = {
    {"object-class", OptionType::String, 0, 0, "face", "",
     "Types of the regions of interest to follow, separated by commas, compared without case; empty takes "
     "all"},
    {"score-threshold", OptionType::Double, 0, 1, "0.6", "",
     "Least confidence of a face that starts a track; weaker ones carry on those there are"},
    {"max-lost", OptionType::Int, 0, 1000000, "30", "",
     "Frames after which a face that was missed gets a new id when it comes back"},
    {"max-missed", OptionType::Int, 0, 1000000, "2", "",
     "Detections in a row that may miss a face while its box is still moved on; 0 shows no face that was "
     "missed"},
    {"max-cosine-distance", OptionType::Double, 0, 2, "0.2", "",
     "Cosine distance up to which the embedding of a face takes up a track that was lost; 0 never does"},
    {"max-faces", OptionType::Int, 1, 1024, "256", "",
     "Most regions of a frame to follow, the largest first; the others stay as they came"},
};

// A box that was missed and lies on one that was found shows the same face twice.
constexpr float kSameFace = 0.3F;
// Types of regions without end would be a memory without end.
constexpr std::size_t kMostKinds = 1024;

Rect box_of(const Roi& roi) {
  return roi.exact_box.value_or(rect_of(roi.box));
}

std::optional<Landmarks> fractions(const Roi& roi) {
  if (!roi.landmarks) return std::nullopt;
  const Rect box = box_of(roi);
  Landmarks points = *roi.landmarks;
  for (Point& point : points) point = {(point.x - box.x) / box.width, (point.y - box.y) / box.height};
  return points;
}

std::optional<Landmarks> in_box(const std::optional<Landmarks>& fractions, const Rect& box) {
  if (!fractions) return std::nullopt;
  Landmarks points = *fractions;
  for (Point& point : points) point = {box.x + point.x * box.width, box.y + point.y * box.height};
  return points;
}

}  // namespace

const std::vector<ElementOption>& track_options() {
  static const std::vector<ElementOption> options = [] {
    std::vector<ElementOption> all;
    for (const OptionSpec& spec : kOptions) all.push_back({spec, Takes::AtOnce});
    return all;
  }();
  return options;
}

TrackSettings TrackSettings::from(const OptionValues& values) {
  TrackSettings s;
  s.object_class = values.text("object-class");
  s.tracker.confident_score = static_cast<float>(values.number("score-threshold"));
  s.tracker.max_lost = values.integer("max-lost");
  s.tracker.max_cosine_distance = static_cast<float>(values.number("max-cosine-distance"));
  s.max_missed = values.integer("max-missed");
  s.max_faces = static_cast<std::size_t>(values.integer("max-faces"));
  return s;
}

int TrackSession::kind_of(const std::string& type) {
  const auto found = std::find(kinds_.begin(), kinds_.end(), type);
  const auto kind = static_cast<int>(found - kinds_.begin());
  if (found == kinds_.end() && kinds_.size() < kMostKinds) kinds_.push_back(type);
  return kind;
}

const std::vector<Track>& TrackSession::follow(const std::vector<Roi>& rois,
                                               const std::vector<const Embedding*>& embeddings, bool looked) {
  detections_.clear();
  roi_of_.clear();
  if (!looked) return tracker_.predict();
  for (std::size_t i = 0; i < rois.size(); ++i) {
    if (rois[i].predicted) continue;
    // A detector that gives no confidence means what it marks.
    detections_.push_back({box_of(rois[i]), static_cast<float>(rois[i].confidence.value_or(1)),
                           kind_of(rois[i].type), embeddings[i]});
    roi_of_.push_back(i);
  }
  return tracker_.update(detections_.data(), detections_.size());
}

/// Brings `seen_` into the order of the tracks, which keep theirs, and up to date.
void TrackSession::remember(const std::vector<Track>& tracks, const std::vector<Roi>& rois) {
  seen_.erase(std::remove_if(seen_.begin(), seen_.end(),
                             [&tracks](const Seen& seen) {
                               const auto at =
                                   std::lower_bound(tracks.begin(), tracks.end(), seen.track,
                                                    [](const Track& track, int id) { return track.id < id; });
                               return at == tracks.end() || at->id != seen.track;
                             }),
              seen_.end());
  seen_.resize(tracks.size());
  for (std::size_t i = 0; i < tracks.size(); ++i) {
    if (tracks[i].detection < 0) continue;
    const std::size_t roi = roi_of_[static_cast<std::size_t>(tracks[i].detection)];
    frame_.track_of[roi] = tracks[i].id;
    seen_[i] = {tracks[i].id, rois[roi].id, rois[roi].type, rois[roi].confidence, fractions(rois[roi])};
  }
}

bool TrackSession::shown(const Track& track, const std::vector<Track>& all, int frame_width, int frame_height,
                         int max_missed) const {
  if (track.state != TrackState::Lost) return true;
  if (track.missed > max_missed) return false;
  // Whose centre has left the frame has left it.
  const float x = track.box.x + track.box.width / 2, y = track.box.y + track.box.height / 2;
  if (x < 0 || y < 0 || x > static_cast<float>(frame_width) || y > static_cast<float>(frame_height))
    return false;
  return std::none_of(all.begin(), all.end(), [&track](const Track& other) {
    return other.state != TrackState::Lost && intersection_over_union(other.box, track.box) > kSameFace;
  });
}

void TrackSession::carry(const Track& track, const Seen& seen, const std::vector<Roi>& rois) {
  CarriedFace face;
  face.track = track.id;
  face.roi_id = seen.roi_id;
  face.type = seen.type;
  face.confidence = seen.confidence;
  face.region = {track.box, in_box(seen.landmarks, track.box), seen.roi_id};
  for (std::size_t i = 0; i < rois.size(); ++i) {
    if (!rois[i].predicted || frame_.track_of[i] != 0 || rois[i].id != seen.roi_id ||
        rois[i].type != seen.type)
      continue;
    face.roi = static_cast<int>(i);
    frame_.track_of[i] = track.id;
    break;
  }
  frame_.carried.push_back(std::move(face));
}

const TrackedFrame& TrackSession::take(const std::vector<Roi>& rois,
                                       const std::vector<const Embedding*>& embeddings, int frame_width,
                                       int frame_height, const TrackSettings& settings) {
  const bool looked =
      rois.empty() || !std::all_of(rois.begin(), rois.end(), [](const Roi& roi) { return roi.predicted; });
  frame_.track_of.assign(rois.size(), 0);
  frame_.carried.clear();
  tracker_.set_options(settings.tracker);
  const std::vector<Track>& tracks = follow(rois, embeddings, looked);
  remember(tracks, rois);
  for (std::size_t i = 0; i < tracks.size(); ++i) {
    if (tracks[i].detection >= 0) continue;
    if (shown(tracks[i], tracks, frame_width, frame_height, settings.max_missed))
      carry(tracks[i], seen_[i], rois);
  }
  return frame_;
}

void TrackSession::restart() noexcept {
  tracker_.clear();
  seen_.clear();
}

}  // namespace embed::gst
