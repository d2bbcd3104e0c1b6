// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "embed/embedder.h"
#include "embed/gallery.h"
#include "embed_settings.h"
#include "face_types.h"

namespace embed::gst {

/// Counts since the weights were loaded. Times are nanoseconds of wall clock.
struct EmbedStats {
  std::uint64_t frames = 0;
  std::uint64_t faces = 0;     ///< ROIs seen.
  std::uint64_t embedded = 0;  ///< Of those: went through the network.
  std::uint64_t named = 0;     ///< Of those: got a name.
  std::uint64_t rejected =
      0;                      ///< ROIs that no working detector gives: without area, outside the frame, huge.
  std::uint64_t batches = 0;  ///< Forward passes.
  std::uint64_t preprocess_time = 0, infer_time = 0, match_time = 0;
  std::map<std::string, std::uint64_t> unnamed;  ///< By reason.
};

/// The work on one frame, between plan() and embed().
struct FramePlan {
  std::vector<Identity> identities;  ///< One for each ROI, in order; final where nothing is to be embedded.
  std::vector<FaceRegion> regions;   ///< To embed.
  std::vector<std::size_t> roi_of;   ///< regions[i] belongs to ROI roi_of[i].
  std::size_t rejected = 0;          ///< ROIs that are worth a warning.
  /// Only then the frame's pixels are looked at.
  bool needs_pixels() const noexcept { return !regions.empty(); }
};

/// What tripletembed does, without GStreamer: ROIs and pixels in, identities out. open, close, plan and embed
/// are for one thread at a time; stats() and description() for any.
class EmbedSession {
 public:
  /// Loads weights and gallery, or does nothing when the same are open already.
  /// Throws Error(NotFound | Io | Format | Mismatch | Unsupported | Device | InvalidArgument).
  void open(const EmbedSettings& settings);
  void close() noexcept;

  /// Decides what is to be embedded on a frame of that size and counts it.
  FramePlan plan(const std::vector<Roi>& rois, int width, int height, const EmbedSettings& settings);
  /// Embeds and names the plan's regions. Throws Error(Device | OutOfMemory | InvalidArgument).
  void embed(const ImageView& image, FramePlan& plan, const EmbedSettings& settings);
  /// Adds a finished plan to the statistics.
  void finish(const FramePlan& plan);

  /// One line for a log: weights, device, precision, gallery. Empty when closed.
  std::string description() const;
  /// For metadata: the weights file's name without folder and extension.
  const std::string& model_name() const noexcept { return model_name_; }
  EmbedStats stats() const;

 private:
  MatchOptions match_options(const EmbedSettings& settings) const;
  void name(const Match& match, const MatchOptions& rule, const EmbedSettings& settings,
            Identity& identity) const;

  std::string opened_as_;  // What open() was called with, to tell a change.
  std::string model_name_;
  std::unique_ptr<Embedder> embedder_;
  Gallery gallery_;
  std::uint64_t frame_ = 0;
  std::vector<std::uint8_t> crops_;  // [faces, height, width, channels], re-used from frame to frame.
  std::vector<Embedding> embeddings_;
  std::vector<Match> matches_;

  mutable std::mutex stats_mutex_;  // Guards stats_ alone; no other lock is taken under it.
  EmbedStats stats_;
};

}  // namespace embed::gst
