// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "embed/embedding.h"
#include "embed/quality.h"

namespace face_reader {

struct ClipOptions {
  std::size_t every = 5;   ///< One frame of so many is looked at.
  int smallest_face = 32;  ///< Smaller faces, by the shorter side in pixels, do not count.
  bool centre = false;     ///< Of a frame's faces not the largest, but the one that a portrait is about.
  /// How frames are turned and when the clip ends: as video::VideoOptions says.
  std::string direction = "auto";
  double seconds = 0;
  /// Told after each frame: its second, and that of the end or 0 where nobody knows it. May be empty.
  std::function<void(double at, double end)> progress;
};

/// Frames of which something is said: how many, and the seconds of the first and the last.
struct FrameCount {
  std::size_t frames = 0;
  double first = 0, last = 0;

  void add(double second) {
    if (frames++ == 0) first = second;
    last = second;
  }
};

/// The faces of a clip, one of each frame that was looked at.
struct ClipFaces {
  std::vector<std::uint8_t> crops;          ///< [seconds.size(), height, width, channels].
  std::vector<double> seconds;              ///< Of each crop.
  std::vector<embed::FaceQuality> quality;  ///< Of each crop.
  std::size_t looked_at = 0;
  FrameCount with_second_face;  ///< Frames with a second face that is large enough.
  std::size_t damaged = 0;      ///< Frames that were left out, since the decoder says that they are damaged.
  double first_damaged = 0;     ///< The second of the first of them.
  bool endless = false;         ///< A camera or a stream without an end.
  std::string hint;             ///< Where there is no face of any size: how the clip would have to be turned.
};

/// Drops the crops whose quality is below `least`, or below half of the clip's median.
void drop_poor(ClipFaces& faces, float least);

/// Rows, ascending, that are likely to be another person's than most rows': beyond `threshold` of the medoid,
/// but near each other. Empty where they are fewer than three: single strays are no person.
std::vector<std::size_t> second_person(const std::vector<embed::Embedding>& embeddings, embed::Metric metric,
                                       float threshold);

}  // namespace face_reader
