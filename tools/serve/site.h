// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "gallery/threshold.h"
#include "serve/errors.h"
#include "serve/event_log.h"
#include "serve/gallery_view.h"
#include "serve/gate.h"
#include "serve/web_server.h"

namespace serve {

struct SiteOptions {
  std::string gallery;
  std::string strangers;            ///< Empty: none.
  std::vector<std::string> events;  ///< Files of tripletjson's lines.
  gallery_tool::ThresholdOptions threshold;
  std::string weights;      ///< What pictures are enrolled with; empty: they cannot be.
  bool keep_crops = false;  ///< Whether pictures of what is enrolled here are kept.
  embed::Gallery fresh;     ///< What the gallery is while its file is not there.
};

/// All that the page can ask for, by method and path. Thread-safe.
class Site {
 public:
  using Answer = Reply (*)(Site&, const Request&);

  Site(SiteOptions options, Gate& gate);

  /// Answers a request that the gate let through.
  Reply answer(const Request& request);
  /// How long the request's body may be, in bytes.
  std::size_t body_limit(const Request& request) const;
  /// Ends what would go on for as long as the browser is there.
  void close();
  bool closing() const noexcept { return closing_; }

  const SiteOptions& options() const noexcept { return options_; }
  Gate& gate() noexcept { return gate_; }
  GalleryView& gallery() noexcept { return gallery_; }
  const EventLog& events() const noexcept { return events_; }
  /// Held while something is worked out that takes all CPUs.
  std::mutex& working() noexcept { return working_; }
  /// How many browsers listen to what happens.
  std::atomic<int>& listeners() noexcept { return listeners_; }

 private:
  const SiteOptions options_;
  Gate& gate_;
  GalleryView gallery_;
  EventLog events_;
  std::mutex working_;
  std::atomic<int> listeners_{0};
  std::atomic<bool> closing_{false};
  std::map<std::pair<std::string, std::string>, Answer> answers_;
};

using Answers = std::map<std::pair<std::string, std::string>, Site::Answer>;
/// Each adds its own, in its own file.
void add_people(Answers& answers);
void add_strangers(Answers& answers);
void add_events(Answers& answers);

void add_enrolment(Answers& answers);

/// A person as the page shows them, by label id. `path`: the gallery's file.
Json person_json(const GallerySnapshot& snapshot, const std::string& path, std::int64_t label_id);

}  // namespace serve
