// SPDX-License-Identifier: LGPL-2.1-or-later
#include "serve/event_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace serve {

namespace {

using Json = nlohmann::json;

constexpr std::chrono::milliseconds kPause{200};
// Of a file that is there at the start no more is read than this, from its end on.
constexpr off_t kMostOld = off_t{64} << 20;
constexpr std::size_t kBlock = 1U << 20U;
constexpr std::size_t kMostLine = 4U << 20U;  // A frame's line with embeddings is long.

std::string text(const Json& line, const char* field) {
  const auto found = line.find(field);
  if (found == line.end() || !found->is_string()) return {};
  std::string value = found->get<std::string>();
  if (value.size() > EventLog::kMostText) value.resize(EventLog::kMostText);
  return value;
}

}  // namespace

/// What is known of one file.
struct EventLog::File {
  std::string path;
  int fd = -1;
  dev_t device = 0;
  ino_t inode = 0;
  off_t read = 0;     // So much of it was read …
  std::string rest;   // … and this is a line's beginning.
  bool skip = false;  // The rest of the line that begins there is not wanted.

  ~File() { close_it(); }
  void close_it() {
    if (fd >= 0) ::close(fd);
    fd = -1;
    read = 0;
    rest.clear();
    skip = false;
  }
};

EventLog::EventLog(std::vector<std::string> files) : files_(std::move(files)) {
  if (!files_.empty()) follower_ = std::thread([this] { follow(); });
}

EventLog::~EventLog() {
  close();
  if (follower_.joinable()) follower_.join();
}

void EventLog::close() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  changed_.notify_all();
}

void EventLog::follow() {
  std::vector<std::unique_ptr<File>> files;
  for (const std::string& path : files_) {
    files.push_back(std::make_unique<File>());
    files.back()->path = path;
  }
  for (;;) {
    for (const auto& file : files)
      while (look(*file)) {
      }
    std::unique_lock lock(mutex_);
    if (changed_.wait_for(lock, kPause, [this] { return closing_; })) return;
  }
}

bool EventLog::look(File& file) {
  struct stat there {};
  const bool found = ::stat(file.path.c_str(), &there) == 0 && S_ISREG(there.st_mode);
  if (file.fd >= 0) {
    const bool moved = !found || there.st_dev != file.device || there.st_ino != file.inode;
    const bool begun_anew = !moved && there.st_size < file.read;
    // What a file that was moved away still holds is read first.
    if (!begun_anew && read_on(file)) return true;
    if (!begun_anew && !moved) return false;
    file.close_it();
  }
  if (!found) return false;
  file.fd = ::open(file.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file.fd < 0 || ::fstat(file.fd, &there) != 0) {
    file.close_it();
    return false;
  }
  file.device = there.st_dev;
  file.inode = there.st_ino;
  file.read = std::max<off_t>(0, there.st_size - kMostOld);
  file.skip = file.read > 0;
  return read_on(file);
}

/// A block of it; false where there is nothing more by now.
bool EventLog::read_on(File& file) {
  {
    const std::lock_guard lock(mutex_);
    if (closing_) return false;
  }
  std::string bytes(kBlock, '\0');
  const ssize_t got = ::pread(file.fd, bytes.data(), bytes.size(), file.read);
  if (got <= 0) return false;
  bytes.resize(static_cast<std::size_t>(got));
  file.read += got;
  take(file, bytes);
  return true;
}

void EventLog::take(File& file, const std::string& bytes) {
  std::size_t from = 0;
  for (std::size_t end = bytes.find('\n'); end != std::string::npos; end = bytes.find('\n', from)) {
    file.rest.append(bytes, from, end - from);
    from = end + 1;
    if (!file.skip) take_line(file.rest);
    file.skip = false;
    file.rest.clear();
  }
  if (!file.skip) file.rest.append(bytes, from);
  if (file.rest.size() <= kMostLine) return;
  ++bad_lines_;
  file.rest.clear();
  file.skip = true;
}

void EventLog::take_line(const std::string& line) {
  if (line.empty()) return;
  const Json json = Json::parse(line, nullptr, false);
  if (!json.is_object()) {
    ++bad_lines_;
    return;
  }
  if (!json.contains("event")) {
    if (!json.contains("objects")) ++bad_lines_;
    return;
  }
  Event event;
  event.event = text(json, "event");
  event.utc = text(json, "utc");
  event.camera = text(json, "camera");
  event.label = text(json, "label");
  event.previous_label = text(json, "previous-label");
  event.reason = text(json, "reason");
  event.stranger = text(json, "stranger");
  const auto id = json.find("label_id");
  event.named = id != json.end() && id->is_number_integer() && id->get<std::int64_t>() >= 0;
  const std::lock_guard lock(mutex_);
  event.number = ++newest_;
  events_.push_back(std::make_shared<const Event>(std::move(event)));
  if (events_.size() > kMost) events_.pop_front();
  changed_.notify_all();
}

std::vector<std::shared_ptr<const Event>> EventLog::last(const Filter& filter, std::size_t most) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<const Event>> found;
  for (auto it = events_.rbegin(); it != events_.rend() && found.size() < most; ++it) {
    const Event& event = **it;
    if (event.number >= filter.before) continue;
    if (!filter.label.empty() && event.label != filter.label && event.previous_label != filter.label &&
        event.stranger != filter.label)
      continue;
    if (!filter.from.empty() && event.utc < filter.from) continue;
    if (!filter.to.empty() && event.utc >= filter.to) continue;
    found.push_back(*it);
  }
  return found;
}

std::vector<std::shared_ptr<const Event>> EventLog::since(std::uint64_t seen, std::size_t most,
                                                          std::chrono::steady_clock::time_point until) const {
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, until, [&] { return closing_ || newest_ > seen; });
  if (newest_ <= seen) return {};
  const std::size_t fresh =
      std::min<std::size_t>({static_cast<std::size_t>(newest_ - seen), events_.size(), most});
  return {events_.end() - static_cast<std::ptrdiff_t>(fresh), events_.end()};
}

void EventLog::wait(std::chrono::steady_clock::time_point until) const {
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, until, [this] { return closing_; });
}

std::uint64_t EventLog::newest() const {
  const std::lock_guard lock(mutex_);
  return newest_;
}

}  // namespace serve
