// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

#include "embed/presence.h"

namespace embed::gst {

/// A line of JSON and what it is about. Borrowed for the call.
struct Line {
  const std::string& text;  ///< Without a newline; empty where the event is told and no line is wanted.
  const std::string& camera;
  const PresenceEvent* event;  ///< Null where the line is of a frame.
};

/// Where lines go.
class LineOutput {
 public:
  LineOutput() = default;
  virtual ~LineOutput() = default;
  LineOutput(const LineOutput&) = delete;
  LineOutput& operator=(const LineOutput&) = delete;

  /// False when it was cancelled. Throws Error(Io).
  virtual bool write(const Line& line) = 0;
};

}  // namespace embed::gst
