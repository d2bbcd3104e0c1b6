// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "embed/strangers.h"
#include "embed/track_identities.h"
#include "sessions/embed_settings.h"
#include "sessions/face_types.h"

namespace embed::gst {

/// Gives the unnamed tracks of one stream the labels of the strangers that the process shares (see
/// share_strangers). One thread at a time, but for strangers().
class StrangerLabels {
 public:
  /// With weights that strangers cannot be told apart with nothing happens, unless settings.strangers names a
  /// file. Throws as share_strangers does.
  void open(const ModelInfo& model, const EmbedSettings& settings);
  void close() noexcept;
  /// The tracks to come are others than those so far.
  void restart();

  /// Writes the label of a track's group into `identity`, if it has one. `crop`, borrowed for the call, is
  /// the face that was embedded on this frame, null where none was; `evidence` may be null.
  void label(int track, const TrackDecision& decision, const TrackEvidence* evidence,
             const std::uint8_t* crop, float quality, Identity& identity);

  /// Whom open() took; null while closed, and where nobody is told apart. Any thread.
  std::shared_ptr<Strangers> strangers() const;
  /// See Strangers::take_trouble().
  std::string take_trouble();

 private:
  mutable std::mutex mutex_;              // Guards changes of strangers_ against strangers().
  std::shared_ptr<Strangers> strangers_;  // Null: nobody is told apart.
  std::uint64_t stream_ = 0;
  std::string camera_;  // Where the strangers were seen, as their history has it.
};

}  // namespace embed::gst
