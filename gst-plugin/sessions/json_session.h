// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sessions/face_events.h"
#include "sessions/face_types.h"
#include "sessions/option_values.h"
#include "sinks/line_writer.h"

namespace embed::gst {

/// The properties of tripletjson.
const std::vector<ElementOption>& json_options();

/// Their values, typed. A value type.
struct JsonSettings {
  std::string location = "-";
  FileMode mode = FileMode::Append;
  bool frames = true;   ///< Write a line for each frame.
  bool events = false;  ///< Write a line for each event.
  std::string camera;   ///< Empty: the URI of the element that the stream comes from.
  bool add_embedding = false;

  static JsonSettings from(const OptionValues& values);
};

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

/// What tripletjson does, without GStreamer. One thread, but for cancel().
class JsonSession {
 public:
  /// Throws Error(InvalidArgument | Io).
  void open(const JsonSettings& settings);
  void close() noexcept { writer_.close(); }
  /// Writes the lines of the next frame; false when it was cancelled. Throws Error(Io).
  bool write(const FrameFacts& facts, const std::vector<Face>& faces, const JsonSettings& settings);
  /// The stream has ended: writes the events that follow from that. Throws Error(Io).
  void end();
  /// Ends a write that waits for a pipe's reader. Any thread.
  void cancel() noexcept { writer_.cancel(); }
  /// Lets writes happen again after cancel().
  void resume() noexcept { writer_.reset(); }

 private:
  bool write_events(const std::vector<PresenceEvent>& events);

  LineWriter writer_;
  FaceEvents events_;
  std::string camera_;  // Of the last frame.
  std::uint64_t frame_ = 0;
};

}  // namespace embed::gst
