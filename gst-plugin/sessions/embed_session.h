// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "embed/live_gallery.h"
#include "embed/quality.h"
#include "embed/shared_embedder.h"
#include "embed/track_identities.h"
#include "sessions/carried_identities.h"
#include "sessions/embed_settings.h"
#include "sessions/face_types.h"
#include "sessions/stranger_labels.h"
#include "sessions/track_schedule.h"

namespace embed::gst {

/// Counts since the weights were loaded. Times are nanoseconds of wall clock.
struct EmbedStats {
  std::uint64_t frames = 0;
  std::uint64_t faces = 0;      ///< ROIs seen.
  std::uint64_t embedded = 0;   ///< Of those: went through the network.
  std::uint64_t named = 0;      ///< Of those: got a name.
  std::uint64_t rejected = 0;   ///< ROIs of no working detector: without area, outside the frame, huge.
  std::uint64_t drops = 0;      ///< Frames that came too late to be embedded and were passed on as they were.
  std::uint64_t batches = 0;    ///< Forward passes with a face of this element.
  double mean_batch_size = 0;   ///< Faces of all elements in those passes, by the passes.
  std::uint64_t wait_time = 0;  ///< Of faces, each from being cut to the start of its pass.
  std::uint64_t preprocess_time = 0, infer_time = 0, match_time = 0;
  /// Skipped faces with the last result of the face in their place, or their track's; `skipped` counts them
  /// too.
  std::uint64_t predicted = 0;
  std::map<Reason, std::uint64_t> unnamed;
};

/// A face of a track whose turn it is not.
struct SpareRegion {
  FaceRegion region;
  std::size_t roi = 0;
  std::optional<double> score;  ///< The detector's.
};

/// The work on one frame, from plan() to finish().
struct FramePlan {
  std::vector<Identity> identities;  ///< One for each ROI, in order; final where nothing is to be embedded.
  std::vector<FaceRegion> regions;   ///< To embed.
  std::vector<std::size_t> roi_of;   ///< regions[i] belongs to ROI roi_of[i].
  std::vector<std::optional<double>> scores;  ///< The detector's, of each region.
  std::vector<FaceQuality> qualities;         ///< Of each region, from submit() on.
  std::vector<FacePlace> places;              ///< Of the ROIs.
  std::vector<SpareRegion> spare;             ///< To embed if their pictures are good enough.
  std::uint64_t frame = 0;                    ///< Counts the frames on which somebody looked for faces.
  /// When the frame is shown, ≥ 0, if that is known; the caller's to set.
  std::optional<std::chrono::nanoseconds> time;
  std::size_t surplus = 0;                ///< ROIs that were left out as too many; the caller's to set.
  std::size_t rejected = 0;               ///< ROIs that are worth a warning.
  bool late = false;                      ///< Regions were left out because the frame came too late.
  std::shared_ptr<BatchRequest> request;  ///< From submit() to complete().
  /// Only then the frame's pixels are looked at.
  bool needs_pixels() const noexcept { return !regions.empty() || !spare.empty(); }
};

/// What tripletembed does, without GStreamer: ROIs and pixels in, identities out, several frames at a time.
/// plan and submit are for one thread at a time, complete and finish for another one beside it; withdraw,
/// rest, stats, evidence, most_frames and batch_timeout for any. While open or close runs there is no other
/// call but those two.
class EmbedSession {
 public:
  /// Takes the model (see share_embedder) and the strangers (see share_strangers), unless the same are open
  /// already, and the gallery (see LiveGallery::open). Throws Error(NotFound | Io | Format | Mismatch |
  /// Unsupported | Device | InvalidArgument).
  void open(const EmbedSettings& settings);
  void close() noexcept;

  /// Decides what is to be embedded on a frame of that size. On a late one nothing is.
  FramePlan plan(const std::vector<Roi>& rois, int width, int height, const EmbedSettings& settings,
                 bool late = false);
  /// The next frame that is planned is the first of a stream. For the thread that plans.
  void restart();
  /// Cuts the plan's regions and puts them in line for a pass; `image` is not needed any more after it.
  /// Throws Error(InvalidArgument).
  void submit(const ImageView& image, FramePlan& plan);
  /// Waits for the plan's embeddings and names them. A face of a track is who its track is; another one is
  /// named by itself, or gets the last result of the face in its place where it was skipped. Plans come in
  /// their order. False when they were withdrawn. Throws Error(Device | OutOfMemory).
  bool complete(FramePlan& plan, const EmbedSettings& settings);
  /// What was completed so far says nothing of the plans to come. For the thread that completes.
  void forget();
  /// What the embeddings of a track say so far; absent where it has none, and once it is forgotten (see
  /// TrackIdentities). Any thread.
  std::optional<TrackEvidence> evidence(int track) const;
  /// The strangers that the process shares; null while closed, and where nobody is told apart. Any thread.
  std::shared_ptr<Strangers> strangers() const { return strangers_.strangers(); }
  /// See Strangers::take_trouble(). For the thread that completes.
  std::string take_trouble() { return strangers_.take_trouble(); }
  /// The gallery, which open() and close() open and close; frames that are completed heed its changes.
  LiveGallery& live_gallery() noexcept { return live_gallery_; }
  /// Adds a finished plan to the statistics.
  void finish(const FramePlan& plan);
  /// Takes back all that was submitted: every complete() of it returns false at once.
  void withdraw() noexcept;
  /// Says that no faces will come for now: no other stream waits for them until the next submit().
  void rest() noexcept;

  /// Frames that may be between plan() and finish(): settings.max_size_buffers, else so many that two batches
  /// are on the way over all streams of this model, but 4 to 16.
  std::size_t most_frames(const EmbedSettings& settings) const;
  /// Frames like the last one that was submitted that may be there now: of many faces fewer make two batches,
  /// and more would wait for nothing but their turn. 2 to most_frames(); settings.max_size_buffers where that
  /// is set. For the thread that submits.
  std::size_t room(const EmbedSettings& settings) const;
  /// Nanoseconds that a face may wait for those of other streams: the setting with which it was opened, 0
  /// when closed.
  std::uint64_t batch_timeout() const;

  /// Whether this CPU has not the precision's arithmetic, so that every face takes many times longer.
  bool in_software() const;
  /// One line for a log: weights, device, precision, gallery. Empty when closed.
  std::string description() const;
  /// For metadata: the weights file's name without folder and extension.
  const std::string& model_name() const noexcept { return model_name_; }
  /// The batch size that the model runs with: that of the first element that opened it. 0 when closed.
  std::size_t batch_size() const noexcept { return queue_ ? queue_->batch_size() : 0; }
  EmbedStats stats() const;

 private:
  void open_gallery(const EmbedSettings& settings, const ModelInfo& info);
  void name(const Match& match, const MatchOptions& rule, const EmbedSettings& settings,
            Identity& identity) const;
  void name_faces(FramePlan& plan, const MatchOptions& rule, const EmbedSettings& settings);
  void name_tracks(FramePlan& plan, const MatchOptions& rule, const EmbedSettings& settings);
  void name_by_track(const TrackDecision& decision, bool embedded, const MatchOptions& rule,
                     const EmbedSettings& settings, Identity& identity) const;
  void take_spare(const ImageView& image, FramePlan& plan);
  void tell_quality(FramePlan& plan) const;
  std::shared_ptr<BatchRequest> take_request();
  void give_back(std::shared_ptr<BatchRequest> request);

  std::string opened_as_;  // What open() was called with, to tell a change.
  std::string model_name_;
  std::shared_ptr<BatchQueue> queue_;  // Keeps the SharedEmbedder alive, whose part it is.
  const Embedder* embedder_ = nullptr;
  LiveGallery live_gallery_;
  std::shared_ptr<const Gallery> gallery_;  // The one of live_gallery_ with that number.
  std::uint64_t gallery_number_ = 0;
  std::uint64_t frame_ = 0;  // Of those on which somebody looked for faces.
  std::uint64_t all_frames_ = 0;
  std::size_t faces_ = 1;  // In the last frame that was submitted; 1 or more.
  TrackSchedule schedule_;
  std::vector<std::uint8_t> spare_crop_;
  std::vector<Embedding> queries_;
  std::vector<Match> matches_;
  std::optional<double> far_;  // What the rule gives on this frame; see false_name_rate().
  CarriedIdentities carried_;
  std::vector<TrackFace> track_faces_;
  std::chrono::nanoseconds time_{0};  // Of the last frame that was completed.

  // Guards tracks_, which the thread that completes changes, against evidence(). No other lock is taken under
  // it.
  mutable std::mutex tracks_mutex_;
  TrackIdentities tracks_;
  StrangerLabels strangers_;

  std::mutex requests_mutex_;  // Guards idle_requests_ alone; no other lock is taken under it.
  std::vector<std::shared_ptr<BatchRequest>> idle_requests_;  // Re-used from frame to frame.

  // Guards batch_timeout_ and changes of queue_ against a latency query, which may come at any time.
  mutable std::mutex queue_mutex_;
  std::chrono::nanoseconds batch_timeout_{0};

  mutable std::mutex stats_mutex_;  // Guards the two below; the queue's mutex may be taken under it.
  EmbedStats stats_;
  std::unique_ptr<BatchClient> client_;  // Changed by open and close alone.
};

}  // namespace embed::gst
