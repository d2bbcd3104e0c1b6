// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "publish/publisher.h"
#include "sessions/json_lines.h"

namespace embed::gst {

/// The properties of tripletpublish that have a row: all but `options` and `stats`.
const std::vector<ElementOption>& publish_options();

/// Their values, typed. A value type.
struct PublishSettings : LineSettings {
  PublishOptions publish;
  std::string password_file;

  static PublishSettings from(const OptionValues& values);
  /// What a publisher is opened with: the password is read, and names that were not set are made. `element`:
  /// its name. `options`: librdkafka's. Throws Error(NotFound | Io | InvalidArgument).
  PublishOptions complete(const std::string& element, std::map<std::string, std::string> options) const;
};

/// What tripletpublish does, without GStreamer: the lines of tripletjson, sent to a broker. One thread, but
/// for cancel() and stats().
class PublishSession {
 public:
  /// `warn`: as Publisher has it.
  explicit PublishSession(std::function<void(const std::string&)> warn) : publisher_(std::move(warn)) {}

  /// Throws what Publisher::open throws.
  void open(const PublishOptions& options);
  /// The lines of the next frame. Waits for no network.
  void write(const FrameFacts& facts, const std::vector<Face>& faces, const PublishSettings& settings);
  /// The stream has ended: tells the events that follow from that, and waits as Publisher::drain does.
  void end(const PublishSettings& settings);
  void close() noexcept { publisher_.close(); }
  /// Any thread.
  void cancel() { publisher_.cancel(); }
  void resume() { publisher_.resume(); }
  PublishStats stats() const { return publisher_.stats(); }

 private:
  Publisher publisher_;
  JsonLines lines_{publisher_};
};

}  // namespace embed::gst
