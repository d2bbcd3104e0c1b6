// SPDX-License-Identifier: LGPL-2.1-or-later
#include "face_reader/look_through.h"

#include <algorithm>
#include <cstdio>

#include "video/video.h"

namespace face_reader {

namespace {

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
    kept_.push_back(pictures::small_copy(frame));
  }

  std::vector<embed::ImageView> views() const {
    std::vector<embed::ImageView> views;
    for (const pictures::Picture& picture : kept_) views.push_back(picture.view());
    return views;
  }

 private:
  std::vector<pictures::Picture> kept_;
  std::size_t offered_ = 0, step_ = 1;
};

/// In their order.
std::vector<pictures::FoundFace> large_ones(const std::vector<pictures::FoundFace>& faces, int smallest) {
  std::vector<pictures::FoundFace> large;
  for (const pictures::FoundFace& face : faces) {
    if (std::min(face.region.box.width, face.region.box.height) >= static_cast<float>(smallest))
      large.push_back(face);
  }
  return large;
}

const char* direction_of(int degrees) {
  if (degrees == 90) return "90r";
  return degrees == 180 ? "180" : "90l";
}

std::string hint_of(pictures::FaceCropper& cropper, const std::vector<embed::ImageView>& frames) {
  const auto turned = cropper.turned(frames);
  if (!turned) return {};
  char text[160];
  std::snprintf(
      text, sizeof text,
      "; turned by %d degrees clockwise there would be %zu in %zu of these frames: --video-direction %s",
      turned->degrees, turned->faces, frames.size(), direction_of(turned->degrees));
  return text;
}

void look_through_frames(video::Video& video, pictures::FaceCropper& cropper, const ClipOptions& options,
                         ClipFaces& faces) {
  SpreadFrames faceless;
  std::size_t frames = 0;
  bool any_face = false;
  embed::ImageView frame;
  std::vector<std::uint8_t> crop;
  while (video.next(frame)) {
    if (options.progress) options.progress(video.seconds(), video.end());
    if (frames++ % options.every != 0) continue;
    ++faces.looked_at;
    const std::vector<pictures::FoundFace> found = cropper.find(frame, /*still=*/false);
    any_face = any_face || !found.empty();
    if (!any_face) faceless.offer(frame);
    const std::vector<pictures::FoundFace> large = large_ones(found, options.smallest_face);
    if (large.empty()) continue;
    if (large.size() > 1) faces.with_second_face.add(video.seconds());
    const pictures::FoundFace& chosen = options.centre ? pictures::main_face(large, frame) : large.front();
    crop.clear();
    faces.quality.push_back(cropper.cut(frame, chosen, crop));
    faces.seconds.push_back(video.seconds());
    faces.crops.insert(faces.crops.end(), crop.begin(), crop.end());
  }
  if (!any_face) faces.hint = hint_of(cropper, faceless.views());
}

}  // namespace

void look_through_clip(const std::string& clip, pictures::FaceCropper& cropper, const ClipOptions& options,
                       ClipFaces& faces) {
  video::VideoOptions how;
  how.direction = options.direction;
  how.seconds = options.seconds;
  video::Video video(clip, how);
  const auto note = [&] {
    faces.damaged = video.damaged();
    faces.first_damaged = video.first_damaged();
    faces.endless = video.endless();
  };
  try {
    look_through_frames(video, cropper, options, faces);
  } catch (...) {
    note();
    throw;
  }
  note();
}

}  // namespace face_reader
