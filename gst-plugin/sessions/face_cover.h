// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "sessions/face_types.h"

namespace embed::gst {

/// Whose faces are covered.
enum class Cover {
  None,
  Unknown,  ///< All but those who surely have a name.
  Known,    ///< All but those who surely are nobody of the gallery.
  All,
};

/// Whether a face is, by what is known of it on this frame, surely of the kind that `cover` shows. Any
/// thread.
bool surely_shown(const Face& face, Cover cover) noexcept;

/// The place that covers a face: its box with 0.45 of its width and height on each side, since a head with
/// its hair, chin and ears is larger than the box, and may lie on its side. `more` multiplies these margins.
/// It may reach beyond the frame. Any thread.
PixelRect cover_place(const PixelRect& box, double more = 1) noexcept;

/// Decides on each frame of a stream which places are covered. When in doubt, a face is: see plan(). One
/// thread at a time.
class FaceCover {
 public:
  struct Plan {
    std::vector<PixelRect> covered;  ///< In pixels; they may overlap, and reach beyond the frame.
    std::vector<std::size_t> shown;  ///< Indices of the faces that are not covered, in their order.
    /// There is so much to cover that it would take too long place by place: the whole frame has to be.
    bool whole_frame = false;
  };

  /// Takes a frame in its turn. `time` and `hold` are nanoseconds; where time runs backwards, what is held is
  /// held anew. Shown are faces of which surely_shown() says so. One without a track, which is judged by one
  /// frame at a time, must not have been covered in that place for `hold`. Places of covered faces that are
  /// not there any more stay covered for `hold`, with a margin that grows to twice itself. At most 4,096
  /// faces are remembered; of more, those that were seen longest ago are forgotten.
  Plan plan(const std::vector<Face>& faces, int frame_width, int frame_height, std::int64_t time, Cover cover,
            std::int64_t hold);

 private:
  struct Place {
    PixelRect box;
    int track = 0;
    std::int64_t seen = 0;                // When the face was there last.
    std::optional<std::int64_t> doubted;  // When it was last not surely of the kind that is shown.
  };
  void prepare(int frame_width, int frame_height, std::int64_t time);
  std::vector<std::size_t> last_places(const std::vector<Face>& faces) const;
  void hold_lost(Plan& plan, const std::vector<bool>& found, std::int64_t time, std::int64_t hold);

  std::vector<Place> places_;
  std::vector<Place> next_;
  int width_ = 0, height_ = 0;
};

}  // namespace embed::gst
