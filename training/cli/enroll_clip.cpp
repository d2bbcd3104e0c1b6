// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/enroll_clip.h"

#include <algorithm>
#include <cstdio>
#include <limits>

#include "cli/pictures.h"

namespace training::cli {

namespace {

/// A face is poor when its quality is below this share of the clip's median.
constexpr float kLeastShare = 0.5F;
/// Frames without a face that are kept, to find out whether the clip lies on its side.
constexpr std::size_t kKept = 8;

/// Some frames from all over a clip of unknown length: each time that there are twice too many, every other
/// one goes.
class SpreadFrames {
 public:
  void offer(const embed::ImageView& frame) {
    if (offered_++ % step_ != 0) return;
    if (kept_.size() == 2 * kKept) {
      for (std::size_t i = 0; i < kKept; ++i) kept_[i] = kept_[2 * i];
      kept_.erase(kept_.begin() + kKept, kept_.end());
      step_ *= 2;
      if ((offered_ - 1) % step_ != 0) return;
    }
    kept_.push_back(small_copy(frame));
  }

  std::vector<embed::ImageView> views() const {
    std::vector<embed::ImageView> views;
    for (const Picture& picture : kept_) views.push_back(picture.view());
    return views;
  }

 private:
  std::vector<Picture> kept_;
  std::size_t offered_ = 0, step_ = 1;
};

bool large_enough(const FoundFace& face, int smallest) {
  return std::min(face.region.box.width, face.region.box.height) >= static_cast<float>(smallest);
}

const char* direction_of(int degrees) {
  if (degrees == 90) return "90r";
  return degrees == 180 ? "180" : "90l";
}

std::string hint_of(FaceCropper& cropper, const std::vector<embed::ImageView>& frames) {
  const auto turned = cropper.turned(frames);
  if (!turned) return {};
  char text[160];
  std::snprintf(
      text, sizeof text,
      "; turned by %d degrees clockwise there would be %zu in %zu of these frames: --video-direction %s",
      turned->degrees, turned->faces, frames.size(), direction_of(turned->degrees));
  return text;
}

}  // namespace

void look_through(Video& video, FaceCropper& cropper, const ClipOptions& options, ClipFaces& faces) {
  SpreadFrames faceless;
  std::size_t frames = 0;
  bool any_face = false;
  embed::ImageView frame;
  std::vector<std::uint8_t> crop;
  while (video.next(frame)) {
    if (frames++ % options.every != 0) continue;
    ++faces.looked_at;
    const std::vector<FoundFace> found = cropper.find(frame, /*still=*/false);
    any_face = any_face || !found.empty();
    if (!any_face) faceless.offer(frame);
    if (found.empty() || !large_enough(found.front(), options.smallest_face)) continue;
    if (std::count_if(found.begin(), found.end(),
                      [&](const FoundFace& face) { return large_enough(face, options.smallest_face); }) > 1) {
      faces.with_second_face.add(video.seconds());
    }
    crop.clear();
    faces.quality.push_back(cropper.cut(frame, found.front(), crop));
    faces.seconds.push_back(video.seconds());
    faces.crops.insert(faces.crops.end(), crop.begin(), crop.end());
  }
  if (!any_face) faces.hint = hint_of(cropper, faceless.views());
}

void drop_poor(ClipFaces& faces, float least) {
  if (faces.quality.empty()) return;
  std::vector<float> sorted;
  for (const embed::FaceQuality& quality : faces.quality) sorted.push_back(quality.overall);
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  least = std::max(least, kLeastShare * *middle);
  const std::size_t bytes = faces.crops.size() / faces.quality.size();
  ClipFaces kept;
  for (std::size_t i = 0; i < faces.quality.size(); ++i) {
    if (faces.quality[i].overall < least) continue;
    const auto first = faces.crops.begin() + static_cast<std::ptrdiff_t>(i * bytes);
    kept.crops.insert(kept.crops.end(), first, first + static_cast<std::ptrdiff_t>(bytes));
    kept.quality.push_back(faces.quality[i]);
    kept.seconds.push_back(faces.seconds[i]);
  }
  faces.crops = std::move(kept.crops);
  faces.quality = std::move(kept.quality);
  faces.seconds = std::move(kept.seconds);
}

std::vector<std::size_t> second_person(const std::vector<embed::Embedding>& embeddings, embed::Metric metric,
                                       float threshold) {
  constexpr std::size_t kFewest = 3;
  double least = std::numeric_limits<double>::infinity();
  std::size_t medoid = 0;
  for (std::size_t i = 0; i < embeddings.size(); ++i) {
    double sum = 0;
    for (const embed::Embedding& other : embeddings) sum += embed::distance(metric, embeddings[i], other);
    if (sum >= least) continue;
    least = sum;
    medoid = i;
  }
  std::vector<std::size_t> far;
  for (std::size_t i = 0; i < embeddings.size(); ++i) {
    if (embed::distance(metric, embeddings[i], embeddings[medoid]) > threshold) far.push_back(i);
  }
  double apart = 0;
  for (const std::size_t i : far) {
    for (const std::size_t j : far) apart += embed::distance(metric, embeddings[i], embeddings[j]);
  }
  const auto pairs = static_cast<double>(far.size() * (far.size() - 1));
  return far.size() >= kFewest && apart / pairs <= threshold ? far : std::vector<std::size_t>();
}

}  // namespace training::cli
