// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace embed {

/// When something was seen. A value type.
struct PresenceTime {
  std::uint64_t running = 0;  ///< Nanoseconds of the stream's own time, which does not go backwards.
  std::int64_t utc = 0;       ///< Nanoseconds since 1970-01-01T00:00:00Z.
};

/// A face of a frame and what is said of it. Texts are borrowed for the call.
struct PresenceFace {
  int track = 0;              ///< The same on all frames of a face; 0: nobody follows it.
  bool predicted = false;     ///< Nobody found it on this frame; its box was carried on from an earlier one.
  bool decided = true;        ///< False: of its name nothing is said on this frame.
  bool named = false;         ///< Whether `label` is somebody's name.
  std::string_view label;     ///< The name, else what stands in the place of one.
  int label_id = -1;          ///< The name's row in the gallery; −1 without a name.
  std::string_view reason;    ///< Why there is no name; empty with one.
  std::string_view stranger;  ///< The group of faces without a name that it belongs to; empty for none.
  std::optional<float> distance;   ///< To the nearest person.
  std::optional<float> threshold;  ///< The distance up to which it would get that person's name.
  std::optional<float> quality;    ///< 0 to 1.
};

enum class PresenceChange {
  Appeared,  ///< Somebody is there.
  Named,     ///< Somebody who has appeared gets a name for the first time.
  Renamed,   ///< Somebody gets another name, or none any more.
  Lost,      ///< Somebody who has appeared is there no longer.
};

/// "appeared", "named", "renamed", "lost". Any thread.
const char* to_string(PresenceChange change) noexcept;

/// What has changed, and the face on which that was seen, or on which somebody was seen last. A value type.
struct PresenceEvent {
  PresenceChange change = PresenceChange::Appeared;
  int track = 0;  ///< The one with which somebody appeared, until they are lost; 0 where nobody followed it.
  bool named = false;  ///< The others are as PresenceFace has them.
  std::string label;
  int label_id = -1;
  std::string reason;
  std::string stranger;
  std::optional<float> distance, threshold, quality;
  std::string previous_label;  ///< The name before a Renamed; empty for none.
  PresenceTime at;             ///< When it was told.
  PresenceTime first_seen, last_seen;
};

/// How soon something is told. Times are nanoseconds. A value type.
struct PresenceOptions {
  /// Somebody has appeared when they were there on so many frames, and for so long.
  int appear_frames = 3;
  std::uint64_t appear_after = 200'000'000;
  /// Who has not appeared is forgotten after so long without them.
  std::uint64_t forget_after = 500'000'000;
  /// A name counts when it was given on so many frames in a row, those aside on which nothing is said.
  int name_frames = 3;
  /// Somebody is lost after so long without them; a name is taken back after so long without a name.
  std::uint64_t lost_after = 2'000'000'000;
  /// So many are remembered at once, ≥ 1.
  std::size_t most = 1024;
};

/// Tells who comes and goes from what is said of the faces of each frame, once for each change and not once
/// for each frame. Of everybody who appears it says, in this order: one Appeared, at most one Named, any
/// number of Renamed, one Lost.
///
/// Faces with a track are one while the track lasts. When a track has ended and a new one gets the same name
/// (or belongs to the same group of strangers) before that person is lost, it is the same person, and nothing
/// is told. For that, a new face without a name is not told of while somebody with a name is missing, until
/// they are lost. Two tracks that were seen at the same time are two people.
///
/// Faces without a track are one while they have the same name, or belong to the same group of strangers.
/// Of others without a track nothing is said, as nothing tells which of them on two frames are one.
///
/// Beyond `most` people, those who are missing longest are lost early; where nobody is missing, a new face is
/// not heeded. The same calls give the same events. A frame without changes and without new faces allocates
/// no memory. One thread at a time.
class Presence {
 public:
  explicit Presence(const PresenceOptions& options = {});
  ~Presence();
  Presence(Presence&&) noexcept;
  Presence& operator=(Presence&&) noexcept;

  /// The next frame with all its faces, `count` of them; of two with the same track the first one counts.
  /// What is returned stays valid until the next call. A time that lies by more than `lost_after` before the
  /// last one begins a new stream: all are lost first. A smaller step backwards is taken for none.
  const std::vector<PresenceEvent>& update(const PresenceFace* faces, std::size_t count, PresenceTime now);
  /// The stream has ended: all are lost, at the time of the last frame.
  const std::vector<PresenceEvent>& end();

  /// How many are remembered now, those too who have not appeared yet.
  std::size_t size() const noexcept;
  /// New faces that were not heeded so far, each on each frame, because there were too many.
  std::uint64_t unheeded() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace embed
