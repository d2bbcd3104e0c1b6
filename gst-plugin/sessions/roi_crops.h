// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <optional>

#include "embed/image_view.h"
#include "sessions/face_types.h"

namespace embed::gst {

/// What becomes of a ROI: a region to embed, or the reason why not.
struct RoiCrop {
  std::optional<FaceRegion> region;
  Reason reason = Reason::None;  ///< Small or Outside when there is no region.
  bool rejected = false;         ///< The ROI is not one that a working detector gives; worth a warning.
};

/// Checks a ROI against its frame. `small`: a side is 0, or the shorter one below `min_face_size`. `outside`:
/// less than a tenth of the rectangle lies in the frame, or a side is beyond 65,535 pixels. Landmarks that no
/// face can have (coinciding, or far from the box) are left out of the region.
RoiCrop check_roi(const Roi& roi, int frame_width, int frame_height, int min_face_size);

}  // namespace embed::gst
