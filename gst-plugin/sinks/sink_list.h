// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <memory>
#include <string>

#include "sinks/line_sink.h"

/// The registry of sinks: a line here is a form that a location may have. It has: the form for people, a
/// function that says whether a location is of that form, and one that makes the sink, or throws
/// Error(InvalidArgument | Io). Of several forms the first one takes the location.
#define LINE_SINKS(SINK)                                                  \
  SINK("- for standard output", is_standard_output, make_standard_output) \
  SINK("a named pipe", is_named_pipe, make_named_pipe)                    \
  SINK("a file", is_file, make_file)

namespace embed::gst {

#define DECLARE_LINE_SINK(form, takes, make) \
  bool takes(const std::string& location);   \
  std::unique_ptr<LineSink> make(const SinkRequest& request);
LINE_SINKS(DECLARE_LINE_SINK)
#undef DECLARE_LINE_SINK

}  // namespace embed::gst
