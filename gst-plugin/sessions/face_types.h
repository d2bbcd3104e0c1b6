// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "embed/embedding.h"
#include "embed/image_view.h"
#include "sessions/reason.h"

namespace embed::gst {

/// A rectangle in whole pixels, as ROI metas hold it; 64 bits, so that sums never overflow.
struct PixelRect {
  std::int64_t x = 0;
  std::int64_t y = 0;
  std::int64_t width = 0;
  std::int64_t height = 0;
};

/// The same in floating point; exact up to 2²⁴ pixels.
inline Rect rect_of(const PixelRect& box) noexcept {
  return {static_cast<float>(box.x), static_cast<float>(box.y), static_cast<float>(box.width),
          static_cast<float>(box.height)};
}

/// A region as some detector attached it to a frame. A value, free of GStreamer types.
struct Roi {
  int id = 0;
  std::string type;  ///< The ROI meta's, e.g. "face".
  PixelRect box;
  std::optional<double> confidence;  ///< 0 to 1, from a `detection` param.
  std::optional<Rect> exact_box;  ///< Unrounded, in pixels, from a `detection` param that agrees with `box`.
  std::optional<Landmarks> landmarks;  ///< In pixels of the frame.
  /// Nobody found it on this frame: its place is that on an earlier one, or where its motion takes it.
  bool predicted = false;
  int track = 0;  ///< Its `object_id`, which is the same on all frames of a track; 0 for none.
};

/// What tripletembed says of one face.
struct Identity {
  std::string label;               ///< The name, or the element's unknown-label.
  int label_id = -1;               ///< Row of the gallery's names; −1 without a name.
  std::optional<float> distance;   ///< To the nearest identity, also one that was refused.
  std::optional<float> threshold;  ///< The one that was applied.
  std::string nearest;    ///< Whose distance it is: the label of a named face, who else it might have been.
  std::string runner_up;  ///< The nearest other identity; empty when there is none.
  std::optional<float> runner_up_distance;
  Reason reason = Reason::None;
  std::optional<float> quality;  ///< FaceQuality's overall of the picture that was embedded, 0 to 1.
  std::optional<Embedding> embedding;
  bool predicted =
      false;  ///< Not of this frame: the last result of the face in this place, without its embedding.
};

/// One face as the elements downstream read it from a frame.
struct Face {
  int id = 0;
  std::string type;
  PixelRect box;  ///< In pixels of the frame it was read from.
  std::optional<double> confidence;
  bool predicted = false;            ///< As Roi's.
  int track = 0;                     ///< As Roi's.
  std::optional<Identity> identity;  ///< Absent where tripletembed has not looked.
};

}  // namespace embed::gst
