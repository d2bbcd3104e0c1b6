// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <vector>

#include "sessions/json_lines.h"
#include "sinks/line_writer.h"

namespace embed::gst {

/// The properties of tripletjson.
const std::vector<ElementOption>& json_options();

/// Their values, typed. A value type.
struct JsonSettings : LineSettings {
  std::string location = "-";
  FileMode mode = FileMode::Append;

  static JsonSettings from(const OptionValues& values);
};

/// What tripletjson does, without GStreamer. One thread, but for cancel().
class JsonSession {
 public:
  /// Throws Error(InvalidArgument | Io).
  void open(const JsonSettings& settings);
  void close() noexcept { writer_.close(); }
  /// Writes the lines of the next frame; false when it was cancelled. Throws Error(Io).
  bool write(const FrameFacts& facts, const std::vector<Face>& faces, const JsonSettings& settings) {
    return lines_.write(facts, faces, settings);
  }
  /// The stream has ended: writes the events that follow from that. Throws Error(Io).
  void end(const JsonSettings& settings) { lines_.end(settings); }
  /// Ends a write that waits for a pipe's reader. Any thread.
  void cancel() noexcept { writer_.cancel(); }
  /// Lets writes happen again after cancel().
  void resume() noexcept { writer_.reset(); }

 private:
  LineWriter writer_;
  JsonLines lines_{writer_};
};

}  // namespace embed::gst
