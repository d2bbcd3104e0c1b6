// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sessions/face_events.h"
#include "sessions/face_types.h"
#include "sessions/option_values.h"
#include "sinks/line_output.h"

namespace embed::gst {

/// What lines there are. A value type.
struct LineSettings {
  bool frames = true;        ///< A line for each frame.
  bool events = false;       ///< A line for each event.
  bool tell_events = false;  ///< Events are told to the output also where no line is wanted of them.
  std::string camera;        ///< Empty: the URI of the element that the stream comes from.
  bool add_embedding = false;

  /// Of the properties of line_options().
  static LineSettings from(const OptionValues& values);
};

/// The properties that all elements which make lines have: `lines`, with this default, `camera`, which may
/// change when `camera_takes` says, and `add-embedding`.
std::vector<ElementOption> line_options(const char* lines, Takes camera_takes);

/// What is said of a frame beside its faces.
struct FrameFacts {
  std::optional<std::uint64_t> timestamp;  ///< Nanoseconds.
  std::string source;
  int width = 0;
  int height = 0;
  PresenceTime time;
};

/// One frame as one line of JSON, without the newline. Numbers that do not exist are null; text that is not
/// UTF-8 is repaired.
std::string frame_to_json(const FrameFacts& facts, std::uint64_t frame, const std::vector<Face>& faces,
                          bool add_embedding);

/// One event as such a line, in the fields of the message `triplet-face`. `camera`: where it was seen.
std::string event_to_json(const PresenceEvent& event, const std::string& camera);

/// Turns frames into lines, whatever becomes of them. One thread at a time.
class JsonLines {
 public:
  /// `output` is borrowed for this object's life.
  explicit JsonLines(LineOutput& output) : output_(output) {}
  /// A stream begins: nobody is there, and frames are counted from 0.
  void start();
  /// Writes the lines of the next frame; false when it was cancelled. Throws what the output throws.
  bool write(const FrameFacts& facts, const std::vector<Face>& faces, const LineSettings& settings);
  /// The stream has ended: writes the events that follow from that. Throws what the output throws.
  void end(const LineSettings& settings);

 private:
  bool write_events(const std::vector<PresenceEvent>& events, bool lines);

  LineOutput& output_;
  FaceEvents events_;
  std::string camera_;  // Of the last frame.
  std::uint64_t frame_ = 0;
};

}  // namespace embed::gst
