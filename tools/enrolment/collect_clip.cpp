// SPDX-License-Identifier: LGPL-2.1-or-later
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>
#include <utility>

#include "command_line/progress.h"
#include "embed/address.h"
#include "embed/error.h"
#include "embed/person_name.h"
#include "embed/printable.h"
#include "enrolment/collector.h"

namespace enrolment {

namespace {

using embed::Error;

/// Of a video's faces the outermost tenth (turned away, or somebody who walked through) is not enrolled.
constexpr double kOutliers = 0.1;

std::string seconds_text(double first, double last) {
  char text[80];
  std::snprintf(text, sizeof text, "from %.2f s to %.2f s", first, last);
  return text;
}

/// Without the clip, which the listener names.
std::string without(const std::string& shown, const std::string& text) {
  return text.rfind(shown + ": ", 0) == 0 ? text.substr(shown.size() + 2) : text;
}

/// How many of a clip's seconds are looked through.
class ClipProgress {
 public:
  explicit ClipProgress(const std::string& shown) : what_("seconds of " + shown) {}
  void at(double second, double end) {
    if (end <= 0) return;
    if (!line_) line_.emplace(what_, static_cast<std::size_t>(std::ceil(end)));
    const auto done = static_cast<std::size_t>(std::max(0.0, std::min(second, end)));
    if (done > done_) line_->step(done - std::exchange(done_, done));
  }

 private:
  std::string what_;
  std::optional<command_line::Progress> line_;
  std::size_t done_ = 0;
};

}  // namespace

void Collector::add_clip(const std::string& spelling, const std::string& clip) {
  const std::string name = embed::person_name(spelling), shown = embed::public_address(clip);
  Candidate candidate;
  candidate.name = name;
  candidate.of_clip = true;
  face_reader::ClipFaces faces;
  const bool taken =
      look_through(clip, shown, faces) && one_face_each(shown, name, faces) && keep_good(shown, faces);
  candidate.looked_at = faces.looked_at;
  if (taken) {
    const std::size_t bytes = faces.crops.size() / faces.seconds.size();
    std::vector<embed::Embedding> embeddings = reader_.embed(faces.crops);
    note_second_person(shown, name, faces, embeddings);
    for (std::size_t i = 0; i < faces.seconds.size(); ++i) {
      char time[32];
      std::snprintf(time, sizeof time, "#t=%.2f", faces.seconds[i]);  // As media fragments have it.
      FaceRow row;
      row.enrolment = {faces.quality[i].overall, embed::enrolment_time(), embed::printable(shown + time)};
      row.face.quality = faces.quality[i];
      const auto first = faces.crops.begin() + static_cast<std::ptrdiff_t>(i * bytes);
      row.face.crop.assign(first, first + static_cast<std::ptrdiff_t>(bytes));
      candidate.rows.push_back(std::move(row));
    }
  }
  candidate.faces = candidate.rows.size();
  add(std::move(candidate), kOutliers);
}

/// False where the clip is refused: cut, damaged, or without a face.
bool Collector::look_through(const std::string& clip, const std::string& shown,
                             face_reader::ClipFaces& faces) const {
  ClipProgress progress(shown);
  face_reader::ClipOptions how = options_.clip;
  how.progress = [&](double second, double end) { progress.at(second, end); };
  try {
    reader_.look_through(clip, how, faces);
  } catch (const Error& error) {
    if (!options_.take_cut_clips || faces.crops.empty()) {
      refuse(shown, to_string(Refusal::Unreadable), without(shown, error.what()));
      return false;
    }
    listener_.note(error.what());
  }
  if (faces.damaged != 0) {
    char text[96];
    std::snprintf(text, sizeof text, "%zu of its frames are damaged, the first after %.2f s", faces.damaged,
                  faces.first_damaged);
    if (!options_.take_cut_clips && !faces.endless) {
      refuse(shown, to_string(Refusal::Unreadable), text);
      return false;
    }
    listener_.note(shown + ": " + text);
  }
  if (!faces.crops.empty()) return true;
  refuse(shown, to_string(Refusal::NoFace),
         "no face of " + std::to_string(options_.clip.smallest_face) + " pixels or more in the " +
             std::to_string(faces.looked_at) + " frames looked at (every " +
             std::to_string(options_.clip.every) + ".)" + faces.hint);
  return false;
}

/// The largest face of a frame may be one person's here and another's there.
bool Collector::one_face_each(const std::string& shown, const std::string& name,
                              const face_reader::ClipFaces& faces) const {
  const face_reader::FrameCount& second = faces.with_second_face;
  if (second.frames == 0) return true;
  const std::string text = "a second face in " + std::to_string(second.frames) + " of " +
                           std::to_string(faces.looked_at) + " frames, " +
                           seconds_text(second.first, second.last);
  if (options_.face.which == FaceRule::Which::Only) {
    refuse(shown, to_string(Refusal::SeveralFaces),
           text + "; --face largest or --face centre says which of a frame's is taken");
    return false;
  }
  listener_.note(shown + ": " + text + "; one of each frame is taken for " + name +
                 ": a clip of one person is safer");
  return true;
}

/// False when no face is good enough.
bool Collector::keep_good(const std::string& shown, face_reader::ClipFaces& faces) const {
  const auto worse = [](const embed::FaceQuality& a, const embed::FaceQuality& b) {
    return a.overall < b.overall;
  };
  const std::size_t before = faces.quality.size();
  const embed::FaceQuality best = *std::max_element(faces.quality.begin(), faces.quality.end(), worse);
  face_reader::drop_poor(faces, options_.face.min_quality);
  if (!faces.quality.empty()) return true;
  refuse(shown, to_string(Refusal::PoorFace),
         "none of its " + std::to_string(before) + " faces can be enrolled: of the best one, " +
             poor_text(best, options_.face.min_quality));
  return false;
}

/// Of faces that come one after the other, their distances alone tell.
void Collector::note_second_person(const std::string& shown, const std::string& name,
                                   const face_reader::ClipFaces& faces,
                                   const std::vector<embed::Embedding>& embeddings) const {
  const embed::ModelInfo& model = reader_.model();
  if (!model.threshold) return;
  const std::vector<std::size_t> others =
      face_reader::second_person(embeddings, model.metric, *model.threshold);
  if (others.empty()) return;
  listener_.note(shown + ": " + std::to_string(others.size()) + " of " + std::to_string(embeddings.size()) +
                 " faces seem to be another person's, " +
                 seconds_text(faces.seconds[others.front()], faces.seconds[others.back()]) + ": enrol " +
                 name + " from a clip without them");
}

}  // namespace enrolment
