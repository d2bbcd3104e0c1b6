// SPDX-License-Identifier: LGPL-2.1-or-later
// Events: who came when, as it is asked for, as a table, and live.
#include <sys/stat.h>

#include <memory>

#include "gallery/output.h"
#include "serve/site.h"

namespace serve {

namespace {

using Events = std::vector<std::shared_ptr<const Event>>;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t kMostShown = 500;
// Five hundred a second are shown as two pieces a second, of which the last ones can be read by nobody
// anyhow.
constexpr std::size_t kMostInPiece = 300;
constexpr milliseconds kBetweenPieces{500}, kBetweenLooks{1000};
constexpr int kMostListeners = 16;

Json event_json(const Event& event) {
  return {{"number", event.number}, {"utc", event.utc},           {"event", event.event},
          {"camera", event.camera}, {"label", event.label},       {"named", event.named},
          {"reason", event.reason}, {"stranger", event.stranger}, {"previous_label", event.previous_label}};
}

Json events_json(const Events& events) {
  Json all = Json::array();
  for (const auto& event : events) all.push_back(event_json(*event));
  return all;
}

EventLog::Filter filter_of(const Request& request) {
  EventLog::Filter filter;
  filter.label = request.value("person").substr(0, EventLog::kMostText);
  filter.from = request.value("from");
  filter.to = request.value("to");
  filter.before = number_value(request, "before", 999'999'999, 999'999'999);
  return filter;
}

Reply events(Site& site, const Request& request) {
  const std::size_t most = number_value(request, "most", 100, kMostShown);
  return json_reply({{"events", events_json(site.events().last(filter_of(request), most))},
                     {"newest", site.events().newest()},
                     {"kept", EventLog::kMost},
                     {"bad_lines", site.events().bad_lines()}});
}

/// RFC 4180. A spreadsheet takes a field that begins so for a formula.
std::string csv_field(const std::string& text) {
  std::string out = "\"";
  if (!text.empty() && std::string("=+-@\t\r").find(text.front()) != std::string::npos) out += '\'';
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

std::string csv_line(const Event& event) {
  std::string line;
  for (const std::string* field : {&event.utc, &event.event, &event.camera, &event.label,
                                   &event.previous_label, &event.stranger, &event.reason})
    line += (line.empty() ? "" : ",") + csv_field(*field);
  return line + "\r\n";
}

Reply csv(Site& site, const Request& request) {
  Reply reply;
  reply.type = "text/csv; charset=utf-8";
  reply.headers["Content-Disposition"] = "attachment; filename=\"events.csv\"";
  reply.body = "utc,event,camera,label,previous_label,stranger,reason\r\n";
  const Events found = site.events().last(filter_of(request), EventLog::kMost);
  for (auto it = found.rbegin(); it != found.rend(); ++it) reply.body += csv_line(**it);
  return reply;
}

/// When a file was written last, as text.
std::string state_of(const std::string& path) {
  struct stat info {};
  if (path.empty() || ::stat(path.c_str(), &info) != 0) return "none";
  return std::to_string(info.st_mtim.tv_sec) + "." + std::to_string(info.st_mtim.tv_nsec);
}

/// What one browser is told as it happens.
class Listener {
 public:
  explicit Listener(Site& site) : site_(site), seen_(site.events().newest()) { ++site_.listeners(); }
  ~Listener() { --site_.listeners(); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  bool next(std::string& piece) {
    if (site_.closing()) return false;
    const auto now = steady_clock::now();
    const Events fresh = site_.events().since(seen_, kMostInPiece, now + kBetweenLooks);
    if (!fresh.empty()) {
      const std::uint64_t before = fresh.front()->number - 1;
      add(piece, "events",
          {{"events", events_json(fresh)}, {"left_out", before > seen_ ? before - seen_ : 0}});
      seen_ = fresh.back()->number;
    }
    tell_changes(piece);
    // A comment, which tells whether the browser is still there.
    if (piece.empty()) piece = ":\n\n";
    site_.events().wait(now + kBetweenPieces);
    return !site_.closing();
  }

 private:
  static void add(std::string& piece, const char* kind, const Json& data) {
    piece += std::string("event: ") + kind + "\ndata: " + gallery_tool::json_text(data) + "\n\n";
  }
  void tell_changes(std::string& piece) {
    const std::string gallery = site_.gallery().state(), strangers = state_of(site_.options().strangers);
    if (gallery == gallery_ && strangers == strangers_) return;
    gallery_ = gallery;
    strangers_ = strangers;
    add(piece, "changed", {{"gallery", gallery}, {"strangers", strangers}});
  }

  Site& site_;
  std::uint64_t seen_;
  std::string gallery_, strangers_;
};

Reply live(Site& site, const Request&) {
  if (site.listeners() >= kMostListeners) throw Refusal(503, "listeners", "too many pages are open");
  Reply reply;
  reply.type = "text/event-stream";
  reply.next = [listener = std::make_shared<Listener>(site)](std::string& piece) {
    return listener->next(piece);
  };
  return reply;
}

}  // namespace

void add_events(Answers& answers) {
  answers[{"GET", "/api/events"}] = events;
  answers[{"GET", "/api/events.csv"}] = csv;
  answers[{"GET", "/api/live"}] = live;
}

}  // namespace serve
