// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/tracker.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "identity/assignment.h"
#include "identity/motion.h"

namespace embed {
namespace {

using identity::Assignment;
using identity::BoxMotion;

// Least overlaps, as ByteTrack's authors have them: for confident detections, for weak ones, and for faces
// that were found only once.
constexpr float kLeastOverlap = 0.2F;
constexpr float kLeastWeakOverlap = 0.5F;
constexpr float kLeastTentativeOverlap = 0.3F;
// Of boxes that are wider and higher by half at each side.
constexpr float kLeastGrownOverlap = 0.3F;
constexpr float kGrowth = 0.5F;
constexpr float kWeakestScore = 0.1F;
constexpr int kConfirmingHits = 2;
constexpr std::size_t kMostTracks = 1024;
constexpr float kFarthest = 1e6F;  // Pixels.
// An overlap speaks for one person too, so that it takes a larger distance to refute it than to take up a
// track.
constexpr float kRefutingFactor = 2.25F;
// How much a new embedding counts in the mean of a track's.
constexpr float kNewEmbedding = 0.1F;

constexpr float kNever = std::numeric_limits<float>::infinity();

/// So written that what is not a number is refused. Squares of what is taken are far from overflowing.
bool usable(const Rect& box) {
  return std::abs(box.x) <= kFarthest && std::abs(box.y) <= kFarthest && box.width > 0 &&
         box.width <= kFarthest && box.height > 0 && box.height <= kFarthest;
}

Rect grown(const Rect& box) {
  return {box.x - kGrowth * box.width, box.y - kGrowth * box.height, (1 + 2 * kGrowth) * box.width,
          (1 + 2 * kGrowth) * box.height};
}

float length(const Embedding& embedding) {
  float sum = 0;
  for (const float value : embedding) sum += value * value;
  return std::sqrt(sum);
}

/// A track and what is known of it beside what is told.
struct Followed {
  Track track;
  BoxMotion motion;
  bool has_mean = false;
  Embedding mean{};    ///< A running mean of its embeddings, each of length 1.
  Embedding latest{};  ///< The last of them.

  void learn(const Embedding* embedding) {
    if (embedding == nullptr) return;
    const float size = length(*embedding);
    if (!std::isfinite(size) || size <= 0) return;
    const float share = has_mean ? kNewEmbedding : 1.0F;
    for (std::size_t i = 0; i < kEmbeddingDim; ++i) mean[i] += share * ((*embedding)[i] / size - mean[i]);
    has_mean = true;
    latest = *embedding;
  }
  /// Both in [0, 2]; not a number where one of them has no embedding. The nearer one is that to the mean or
  /// to the last embedding: a head that turns leaves its mean behind.
  float distance_to(const Embedding* embedding) const {
    if (embedding == nullptr || !has_mean) return std::numeric_limits<float>::quiet_NaN();
    return distance(Metric::Cosine, mean, *embedding);
  }
  float nearer_distance_to(const Embedding* embedding) const {
    if (embedding == nullptr || !has_mean) return std::numeric_limits<float>::quiet_NaN();
    return std::min(distance(Metric::Cosine, latest, *embedding), distance_to(embedding));
  }
};

}  // namespace

struct Tracker::State {
  TrackerOptions options;
  std::vector<Followed> all;  // The oldest first.
  std::vector<Track> told;
  int last_id = 0;
  Assignment assignment;
  const TrackerDetection* detections = nullptr;  // Of the frame that is taken now.
  // Places in `detections` and `all` that have no partner yet, in their order.
  std::vector<int> confident, weak, tracks, rest;

  const std::vector<Track>& tell();
  void advance();
  void sort_detections(std::size_t count);
  template <typename Wanted>
  void choose(Wanted wanted);
  template <typename Cost>
  void pair(std::vector<int>& open, float limit, Cost cost);
  bool refuted(const Followed& followed, const TrackerDetection& detection) const;
  float overlap_cost(const Followed& followed, const TrackerDetection& detection) const;
  float grown_overlap_cost(const Followed& followed, const TrackerDetection& detection) const;
  float likeness_cost(const Followed& followed, const TrackerDetection& detection) const;
  void found(Followed& followed, int detection);
  void assign();
  void end_tracks();
  bool make_room();
  void start_tracks();
};

const std::vector<Track>& Tracker::State::tell() {
  told.clear();
  for (const Followed& followed : all) told.push_back(followed.track);
  return told;
}

void Tracker::State::advance() {
  for (Followed& followed : all) {
    if (followed.track.state == TrackState::Lost) {
      followed.motion.step_lost();
      ++followed.track.lost_frames;
    } else {
      followed.motion.step();
    }
    followed.track.box = followed.motion.box();
    followed.track.detection = -1;
  }
}

void Tracker::State::sort_detections(std::size_t count) {
  confident.clear();
  weak.clear();
  for (std::size_t i = 0; i < count; ++i) {
    if (!usable(detections[i].box)) continue;
    if (detections[i].score >= options.confident_score) {
      confident.push_back(static_cast<int>(i));
    } else if (detections[i].score >= kWeakestScore) {
      weak.push_back(static_cast<int>(i));
    }
  }
}

/// The tracks without a detection that are wanted.
template <typename Wanted>
void Tracker::State::choose(Wanted wanted) {
  tracks.clear();
  for (std::size_t i = 0; i < all.size(); ++i)
    if (all[i].track.detection < 0 && wanted(all[i].track)) tracks.push_back(static_cast<int>(i));
}

/// Assigns the detections `open` to the tracks chosen, and takes those that found one out of `open`.
template <typename Cost>
void Tracker::State::pair(std::vector<int>& open, float limit, Cost cost) {
  if (tracks.empty() || open.empty()) return;
  float* costs = assignment.prepare(tracks.size(), open.size());
  for (const int track : tracks) {
    const Followed& followed = all[static_cast<std::size_t>(track)];
    for (const int detection : open) {
      const bool alike = followed.track.kind == detections[detection].kind;
      *costs++ = alike ? cost(followed, detections[detection]) : kNever;
    }
  }
  const std::vector<int>& column_of = assignment.solve(limit);
  rest = open;
  for (std::size_t i = 0; i < tracks.size(); ++i) {
    if (column_of[i] < 0) continue;
    const auto column = static_cast<std::size_t>(column_of[i]);
    found(all[static_cast<std::size_t>(tracks[i])], open[column]);
    rest[column] = -1;
  }
  open.clear();
  for (const int detection : rest)
    if (detection >= 0) open.push_back(detection);
}

/// Whether the embeddings say that they are two people. A comparison with what is not a number is false.
bool Tracker::State::refuted(const Followed& followed, const TrackerDetection& detection) const {
  return options.max_cosine_distance > 0 &&
         followed.nearer_distance_to(detection.embedding) > kRefutingFactor * options.max_cosine_distance;
}

float Tracker::State::overlap_cost(const Followed& followed, const TrackerDetection& detection) const {
  const float shared = intersection_over_union(followed.track.box, detection.box);
  // Only where boxes overlap are the 128 values looked at.
  return shared > 0 && refuted(followed, detection) ? kNever : 1 - shared;
}

float Tracker::State::grown_overlap_cost(const Followed& followed, const TrackerDetection& detection) const {
  const float shared = intersection_over_union(grown(followed.track.box), grown(detection.box));
  return shared > 0 && refuted(followed, detection) ? kNever : 1 - shared;
}

float Tracker::State::likeness_cost(const Followed& followed, const TrackerDetection& detection) const {
  return followed.distance_to(detection.embedding);
}

void Tracker::State::found(Followed& followed, int detection) {
  const TrackerDetection& seen = detections[detection];
  Track& track = followed.track;
  // Far from where it was expected the old velocity says nothing.
  if (intersection_over_union(grown(track.box), grown(seen.box)) > 0) {
    followed.motion.correct(seen.box);
  } else {
    followed.motion = BoxMotion(seen.box);
  }
  followed.learn(seen.embedding);
  track.box = seen.box;
  track.detection = detection;
  ++track.hits;
  track.missed = track.lost_frames = 0;
  if (track.hits >= kConfirmingHits) track.state = TrackState::Confirmed;
}

void Tracker::State::assign() {
  const auto by_overlap = [this](const Followed& followed, const TrackerDetection& detection) {
    return overlap_cost(followed, detection);
  };
  choose([](const Track& track) { return track.state != TrackState::Tentative; });
  pair(confident, 1 - kLeastOverlap, by_overlap);
  choose([](const Track& track) { return track.state == TrackState::Confirmed; });
  pair(weak, 1 - kLeastWeakOverlap, by_overlap);
  choose([](const Track& track) { return track.state == TrackState::Tentative; });
  pair(confident, 1 - kLeastTentativeOverlap, by_overlap);
  choose([](const Track& track) { return track.state != TrackState::Lost; });
  pair(confident, 1 - kLeastGrownOverlap,
       [this](const Followed& followed, const TrackerDetection& detection) {
         return grown_overlap_cost(followed, detection);
       });
  if (options.max_cosine_distance <= 0) return;
  choose([](const Track& track) { return track.state == TrackState::Lost; });
  pair(confident, options.max_cosine_distance,
       [this](const Followed& followed, const TrackerDetection& detection) {
         return likeness_cost(followed, detection);
       });
}

void Tracker::State::end_tracks() {
  for (Followed& followed : all) {
    Track& track = followed.track;
    if (track.detection >= 0) continue;
    ++track.missed;
    if (track.state == TrackState::Confirmed) {
      track.state = TrackState::Lost;
      track.lost_frames = 1;
    }
  }
  all.erase(std::remove_if(all.begin(), all.end(),
                           [this](const Followed& followed) {
                             const Track& track = followed.track;
                             return (track.state == TrackState::Tentative && track.missed > 0) ||
                                    track.lost_frames > options.max_lost;
                           }),
            all.end());
}

bool Tracker::State::make_room() {
  if (all.size() < kMostTracks) return true;
  const auto longest = std::max_element(all.begin(), all.end(), [](const Followed& a, const Followed& b) {
    return a.track.lost_frames < b.track.lost_frames;
  });
  if (longest->track.state != TrackState::Lost) return false;
  all.erase(longest);
  return true;
}

void Tracker::State::start_tracks() {
  for (const int detection : confident) {
    if (!make_room()) return;
    const TrackerDetection& seen = detections[detection];
    Followed followed{Track{}, BoxMotion(seen.box)};
    followed.track.id = ++last_id;
    followed.track.kind = seen.kind;
    followed.track.box = seen.box;
    followed.track.detection = detection;
    followed.track.hits = 1;
    followed.learn(seen.embedding);
    all.push_back(followed);
  }
}

Tracker::Tracker(const TrackerOptions& options) : state_(std::make_unique<State>()) {
  state_->options = options;
}
Tracker::~Tracker() = default;
Tracker::Tracker(Tracker&&) noexcept = default;
Tracker& Tracker::operator=(Tracker&&) noexcept = default;

void Tracker::set_options(const TrackerOptions& options) noexcept {
  state_->options = options;
}

const std::vector<Track>& Tracker::update(const TrackerDetection* detections, std::size_t count) {
  state_->detections = detections;
  state_->advance();
  state_->sort_detections(count);
  state_->assign();
  state_->end_tracks();
  state_->start_tracks();
  state_->detections = nullptr;
  return state_->tell();
}

const std::vector<Track>& Tracker::predict() {
  state_->advance();
  auto& all = state_->all;
  const int most = state_->options.max_lost;
  all.erase(std::remove_if(all.begin(), all.end(),
                           [most](const Followed& each) { return each.track.lost_frames > most; }),
            all.end());
  return state_->tell();
}

void Tracker::clear() noexcept {
  state_->all.clear();
}

}  // namespace embed
