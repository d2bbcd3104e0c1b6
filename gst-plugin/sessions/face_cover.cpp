// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sessions/face_cover.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

namespace embed::gst {
namespace {

constexpr double kMargin = 0.45;
constexpr float kLeastOverlap = 0.3F;  // As CarriedIdentities has it.
constexpr std::size_t kMostPlaces = 4096;
// Comparing all with all of a crowd costs their square. Without that, each place is held for its time.
constexpr std::size_t kMostPairs = 1U << 20U;
constexpr double kMostArea = 16;  // Of the places together, in frames.
constexpr std::size_t kNone = static_cast<std::size_t>(-1);

std::int64_t scaled(std::int64_t value, int from, int to) {
  return static_cast<std::int64_t>(std::llround(static_cast<double>(value) * to / from));
}

double part_inside(std::int64_t from, std::int64_t length, int frame) {
  return static_cast<double>(std::clamp<std::int64_t>(from + length, 0, frame) -
                             std::clamp<std::int64_t>(from, 0, frame));
}

bool too_much(const std::vector<PixelRect>& places, int frame_width, int frame_height) {
  double area = 0;
  for (const PixelRect& place : places) {
    area += part_inside(place.x, place.width, frame_width) * part_inside(place.y, place.height, frame_height);
  }
  return area > kMostArea * frame_width * frame_height;
}

}  // namespace

bool surely_shown(const Face& face, Cover cover) noexcept {
  if (cover == Cover::None) return true;
  if (cover == Cover::All || !face.identity) return false;
  const Identity& identity = *face.identity;
  // A track carries its name over frames on which nobody looked. Without one, this frame's face has to be
  // found and embedded.
  if (face.track == 0 && (face.predicted || identity.predicted)) return false;
  if (cover == Cover::Unknown) return identity.label_id >= 0 && identity.reason == Reason::None;
  // Every other reason leaves open that it is somebody of the gallery whose picture is poor.
  return identity.label_id < 0 && (identity.reason == Reason::Far || identity.reason == Reason::Rejected);
}

PixelRect cover_place(const PixelRect& box, double more) noexcept {
  const auto across = static_cast<std::int64_t>(std::ceil(static_cast<double>(box.width) * kMargin * more));
  const auto down = static_cast<std::int64_t>(std::ceil(static_cast<double>(box.height) * kMargin * more));
  return {box.x - across, box.y - down, box.width + 2 * across, box.height + 2 * down};
}

void FaceCover::prepare(int frame_width, int frame_height, std::int64_t time) {
  const bool resized = width_ > 0 && (width_ != frame_width || height_ != frame_height);
  for (Place& place : places_) {
    place.seen = std::min(place.seen, time);
    if (place.doubted) place.doubted = std::min(*place.doubted, time);
    if (!resized) continue;
    place.box = {scaled(place.box.x, width_, frame_width), scaled(place.box.y, height_, frame_height),
                 scaled(place.box.width, width_, frame_width),
                 scaled(place.box.height, height_, frame_height)};
  }
  width_ = frame_width;
  height_ = frame_height;
}

/// For each face its place on the frame before, or kNone: that of the same track, else, where one of them has
/// no track, the one that it overlaps most. Each place belongs to one face at most.
std::vector<std::size_t> FaceCover::last_places(const std::vector<Face>& faces) const {
  std::vector<std::size_t> of(faces.size(), kNone);
  std::vector<bool> used(places_.size(), false);
  std::unordered_map<int, std::size_t> by_track;
  for (std::size_t p = 0; p < places_.size(); ++p)
    if (places_[p].track != 0) by_track.emplace(places_[p].track, p);
  for (std::size_t f = 0; f < faces.size(); ++f) {
    const auto found = by_track.find(faces[f].track);
    if (faces[f].track == 0 || found == by_track.end() || used[found->second]) continue;
    of[f] = found->second;
    used[found->second] = true;
  }
  if (faces.size() * places_.size() > kMostPairs) return of;
  struct Pair {
    float overlap;
    std::size_t face, place;
  };
  std::vector<Pair> pairs;
  for (std::size_t f = 0; f < faces.size(); ++f) {
    if (of[f] != kNone) continue;
    for (std::size_t p = 0; p < places_.size(); ++p) {
      if (used[p] || (faces[f].track != 0 && places_[p].track != 0)) continue;
      const float overlap = intersection_over_union(rect_of(faces[f].box), rect_of(places_[p].box));
      if (overlap >= kLeastOverlap) pairs.push_back({overlap, f, p});
    }
  }
  std::stable_sort(pairs.begin(), pairs.end(),
                   [](const Pair& a, const Pair& b) { return a.overlap > b.overlap; });
  for (const Pair& pair : pairs) {
    if (of[pair.face] != kNone || used[pair.place]) continue;
    of[pair.face] = pair.place;
    used[pair.place] = true;
  }
  return of;
}

/// Places whose face is not on this frame; only those that were covered are held.
void FaceCover::hold_lost(Plan& plan, const std::vector<bool>& found, std::int64_t time, std::int64_t hold) {
  for (std::size_t p = 0; p < places_.size(); ++p) {
    const Place& place = places_[p];
    const std::int64_t age = time - place.seen;
    if (found[p] || age >= hold || !place.doubted) continue;
    plan.covered.push_back(cover_place(place.box, 1 + static_cast<double>(age) / static_cast<double>(hold)));
    next_.push_back(place);
  }
}

FaceCover::Plan FaceCover::plan(const std::vector<Face>& faces, int frame_width, int frame_height,
                                std::int64_t time, Cover cover, std::int64_t hold) {
  Plan plan;
  prepare(frame_width, frame_height, time);
  const std::vector<std::size_t> before = last_places(faces);
  std::vector<bool> found(places_.size(), false);
  next_.clear();
  for (std::size_t f = 0; f < faces.size(); ++f) {
    const Face& face = faces[f];
    Place place{face.box, face.track, time, std::nullopt};
    const std::size_t last = before[f];
    if (last != kNone) {
      found[last] = true;
      if (face.track == 0) place.doubted = places_[last].doubted;
    }
    if (place.doubted && time - *place.doubted >= hold) place.doubted.reset();
    if (!surely_shown(face, cover)) place.doubted = time;
    if (place.doubted) {
      plan.covered.push_back(cover_place(face.box));
    } else {
      plan.shown.push_back(f);
    }
    next_.push_back(place);
  }
  if (cover != Cover::None) hold_lost(plan, found, time, hold);
  if (next_.size() > kMostPlaces) next_.resize(kMostPlaces);
  places_.swap(next_);
  plan.whole_frame = too_much(plan.covered, frame_width, frame_height);
  return plan;
}

}  // namespace embed::gst
