// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "embed/tracker.h"
#include "sessions/face_types.h"
#include "sessions/option_values.h"

namespace embed::gst {

/// The properties of triplettrack.
const std::vector<ElementOption>& track_options();

/// Their values, typed. A value type.
struct TrackSettings {
  TrackerOptions tracker;
  int max_missed = 2;           ///< A lost track is shown for so many looks that miss it.
  std::size_t max_faces = 256;  ///< So many regions of a frame are followed, 1 to 1,024.
  std::string object_class = "face";

  static TrackSettings from(const OptionValues& values);
};

/// A face that nobody found on this frame, where its motion takes it.
struct CarriedFace {
  int track = 0;
  int roi = -1;    ///< The region to move, counted as the frame's; −1: there is none, it is to be added.
  int roi_id = 0;  ///< That of its region when it was found last.
  std::string type;
  FaceRegion region;                 ///< The landmarks, if any, moved and grew with the box.
  std::optional<double> confidence;  ///< Of the last detection.
};

/// What becomes of a frame's regions.
struct TrackedFrame {
  std::vector<int> track_of;  ///< Of each region, in their order; 0 for none.
  std::vector<CarriedFace> carried;
};

/// What triplettrack does, without GStreamer. One thread at a time.
class TrackSession {
 public:
  /// Takes the next frame. `embeddings` runs parallel to `rois`, null for none; both are borrowed for the
  /// call. A frame whose regions are all predicted is one on which nobody looked; of any other frame the
  /// regions that are not predicted are all the faces there are. What is returned stays valid until the next
  /// call.
  const TrackedFrame& take(const std::vector<Roi>& rois, const std::vector<const Embedding*>& embeddings,
                           int frame_width, int frame_height, const TrackSettings& settings);
  /// The next frame has nothing to do with the last one. Ids go on.
  void restart() noexcept;

 private:
  /// A track's face when it was found last.
  struct Seen {
    int track = 0;
    int roi_id = 0;
    std::string type;
    std::optional<double> confidence;
    std::optional<Landmarks> landmarks;  ///< As fractions of the box.
  };
  const std::vector<Track>& follow(const std::vector<Roi>& rois,
                                   const std::vector<const Embedding*>& embeddings, bool looked);
  void remember(const std::vector<Track>& tracks, const std::vector<Roi>& rois);
  bool shown(const Track& track, const std::vector<Track>& all, int frame_width, int frame_height,
             int max_missed) const;
  void carry(const Track& track, const Seen& seen, const std::vector<Roi>& rois);
  int kind_of(const std::string& type);

  Tracker tracker_;
  std::vector<TrackerDetection> detections_;
  std::vector<std::size_t> roi_of_;  // Of each detection.
  std::vector<Seen> seen_;           // Of each track, in the tracker's order.
  std::vector<std::string> kinds_;   // Types of regions that were seen so far; few of them.
  TrackedFrame frame_;
};

}  // namespace embed::gst
