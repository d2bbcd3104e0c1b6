// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sinks/line_writer.h"

#include "embed/address.h"
#include "embed/error.h"
#include "sinks/sink_list.h"

namespace embed::gst {
namespace {

struct SinkKind {
  const char* form;
  bool (*takes)(const std::string&);
  std::unique_ptr<LineSink> (*make)(const SinkRequest&);
};

#define LINE_SINK_ROW(form, takes, make) {form, takes, make},
constexpr SinkKind kKinds[] = {LINE_SINKS(LINE_SINK_ROW)};
#undef LINE_SINK_ROW

}  // namespace

const std::string& line_sink_forms() {
  static const std::string forms = [] {
    std::string all;
    for (const SinkKind& kind : kKinds) all += (all.empty() ? "" : ", ") + std::string(kind.form);
    return all;
  }();
  return forms;
}

void LineWriter::open(const std::string& location, FileMode mode) {
  close();
  if (location.empty())
    throw Error(ErrorCode::InvalidArgument, "location is empty; expected " + line_sink_forms());
  location_ = location;
  for (const SinkKind& kind : kKinds) {
    if (!kind.takes(location_)) continue;
    sink_ = kind.make({location_, mode, cancelled_});
    return;
  }
  throw Error(ErrorCode::InvalidArgument, "nothing writes to such an address; expected " + line_sink_forms(),
              public_address(location), "location");
}

bool LineWriter::write(const std::string& line) {
  if (!sink_) throw Error(ErrorCode::Internal, "nothing is open for writing");
  return sink_->write(line + '\n');
}

}  // namespace embed::gst
