// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/live_gallery.h"

#include <sys/stat.h>

#include <exception>
#include <utility>

#include "embed/file_lock.h"
#include "embed/shared_gallery.h"
#include "files/file_identity.h"
#include "gallery/watcher.h"

namespace embed {

namespace {

/// A new file is taken after two looks that find it the same, so that one that is still being copied is not
/// read, or after so many that do not.
constexpr int kMostUnsteady = 3;

bool is_there(const std::string& path) {
  struct stat file {};
  return ::stat(path.c_str(), &file) == 0;
}

/// Another program holds the lock.
class Busy {};

Error with(const std::exception& error, const std::string& consequence) {
  const auto* ours = dynamic_cast<const Error*>(&error);
  return {ours != nullptr ? ours->code() : ErrorCode::Internal, error.what() + consequence};
}

}  // namespace

LiveGallery::~LiveGallery() {
  close();
}

void LiveGallery::open(const std::string& location, Metric metric, const std::string& weights_sha256) {
  std::vector<Error> said;
  {
    const std::lock_guard<std::mutex> lock(changing_);
    follow_wish();
    Wanted before = std::exchange(wanted_, {location, metric, weights_sha256});
    try {
      take(file_identity(location));
    } catch (...) {
      wanted_ = std::move(before);
      throw;
    }
    open_ = true;
    said = troubles();
  }
  Watcher::shared().add(this, [this] { watch(); });
  tell(said);
}

void LiveGallery::close() noexcept {
  Watcher::shared().remove(this);
  std::vector<Error> said;
  {
    const std::lock_guard<std::mutex> lock(changing_);
    write_late();
    if (!unwritten_.empty() && !wanted_.location.empty()) {
      troubles_.push_back(
          Error(ErrorCode::Io, "changes that were not written are lost: " + std::to_string(unwritten_.size()),
                wanted_.location));
    }
    follow_wish();
    open_ = busy_ = false;
    unwritten_.clear();
    wanted_ = {};
    taken_as_.clear();
    refused_as_.clear();
    use(nullptr);
    said = troubles();
  }
  tell(said);
}

std::shared_ptr<const Gallery> LiveGallery::get() const {
  const std::lock_guard<std::mutex> lock(using_);
  return gallery_;
}

bool LiveGallery::changed(std::uint64_t& seen) const noexcept {
  const std::uint64_t now = number_.load(std::memory_order_acquire);
  return std::exchange(seen, now) != now;
}

void LiveGallery::set_location(const std::string& location) {
  {
    const std::lock_guard<std::mutex> lock(wishing_);
    wish_ = location;
  }
  Watcher::shared().wake();
}

void LiveGallery::watch() {
  std::vector<Error> said;
  {
    const std::lock_guard<std::mutex> lock(changing_);
    look(follow_wish());
    said = troubles();
  }
  tell(said);
}

// --- under changing_

/// Writes what could not be written while another program was at work on the file.
void LiveGallery::write_late() {
  if (!busy_) return;
  try {
    write(nullptr);
  } catch (const Busy&) {
  } catch (const std::exception& error) {
    busy_ = false;
    troubles_.push_back(with(error, "; the changes are in use, and `save` tries again"));
  }
}

/// `asked`: without waiting until the file is steady.
void LiveGallery::look(bool asked) {
  write_late();
  const std::string identity = wanted_.location.empty() ? std::string() : file_identity(wanted_.location);
  const bool steady = identity == seen_as_;
  seen_as_ = identity;
  const bool known = identity == taken_as_ || identity == refused_as_;
  if (!asked && !known && !steady && ++unsteady_ < kMostUnsteady) return;
  unsteady_ = 0;
  if (!asked && known) return;
  try {
    take(identity);
  } catch (const std::exception& error) {
    refused_as_ = identity;
    troubles_.push_back(with(error, "; the gallery in use stays"));
  }
}

/// Whether there was a wish for another location.
bool LiveGallery::follow_wish() {
  const std::lock_guard<std::mutex> lock(wishing_);
  if (!wish_) return false;
  wanted_.location = std::move(*wish_);
  wish_.reset();
  return true;
}

/// Takes what is at the location, whose identity was that before it is read: a file that is replaced
/// meanwhile is seen at the next look.
void LiveGallery::take(const std::string& identity) {
  auto read = wanted_.location.empty()
                  ? std::make_shared<const Gallery>(wanted_.metric, wanted_.weights_sha256)
                  : share_gallery(wanted_.location, wanted_.weights_sha256);
  use(with_unwritten(std::move(read)));
  taken_as_ = wanted_.location.empty() ? std::string() : identity;
  refused_as_.clear();
}

void LiveGallery::use(std::shared_ptr<const Gallery> gallery) {
  {
    const std::lock_guard<std::mutex> lock(using_);
    gallery_.swap(gallery);
    number_.fetch_add(1, std::memory_order_release);
  }
  // The one that was in use is freed here, without the lock.
}

/// What was read, and on top of it what is not in any file. A change that does not fit there any more is told
/// and dropped.
std::shared_ptr<const Gallery> LiveGallery::with_unwritten(std::shared_ptr<const Gallery> read) {
  if (unwritten_.empty()) return read;
  auto gallery = std::make_shared<Gallery>(*read);
  std::vector<Change> kept;
  for (const Change& change : unwritten_) {
    try {
      Gallery changed(*gallery);
      change(changed);
      *gallery = std::move(changed);
      kept.push_back(change);
    } catch (const Error& error) {
      troubles_.push_back(with(error, "; this change is dropped, since the gallery's file is another one"));
    }
  }
  unwritten_ = std::move(kept);
  gallery->build_means();
  return gallery;
}

/// Locks and reads the file, applies what is not written and `change`, which may be null, and writes it. The
/// result is in use after that. Throws Busy where another program holds the lock, and what `change` throws.
void LiveGallery::write(const Change* change) {
  const FileLock lock(wanted_.location, [] { throw Busy(); });
  std::shared_ptr<const Gallery> now = get();
  if (is_there(wanted_.location)) {
    now = with_unwritten(
        std::make_shared<const Gallery>(Gallery::load(wanted_.location, wanted_.weights_sha256)));
  }
  auto gallery = std::make_shared<Gallery>(*now);
  if (change != nullptr) (*change)(*gallery);
  gallery->save(wanted_.location);
  gallery->build_means();
  use(std::move(gallery));
  unwritten_.clear();
  busy_ = false;
}

// --- for callers

void LiveGallery::require_open() const {
  if (!open_) throw Error(ErrorCode::InvalidArgument, "no gallery is open: that takes the state READY");
}

void LiveGallery::require_location() const {
  require_open();
  if (wanted_.location.empty()) throw Error(ErrorCode::InvalidArgument, "gallery: a file is to be set first");
}

/// What is in use with the change, which stays unwritten for now.
void LiveGallery::use_alone(const Change& change) {
  auto changed = std::make_shared<Gallery>(*get());
  change(*changed);
  changed->build_means();
  use(std::move(changed));
  unwritten_.push_back(change);
}

void LiveGallery::change_now(const Change& change) {
  follow_wish();
  require_open();
  if (wanted_.location.empty()) return use_alone(change);
  bool refused = false;
  const Change watched = [&](Gallery& gallery) {
    refused = true;
    change(gallery);
    refused = false;
  };
  try {
    write(&watched);
  } catch (const Busy&) {
    use_alone(change);
    busy_ = true;
  } catch (const std::exception& error) {
    if (refused) throw;
    use_alone(change);
    throw with(error, "; the change is in use alone, and `save` tries again");
  }
}

void LiveGallery::change(const Change& change) {
  std::vector<Error> said;
  {
    const std::lock_guard<std::mutex> lock(changing_);
    change_now(change);
    said = troubles();
  }
  tell(said);
}

void LiveGallery::save() {
  const std::lock_guard<std::mutex> lock(changing_);
  follow_wish();
  require_location();
  try {
    write(nullptr);
  } catch (const Busy&) {
    busy_ = true;
    throw Error(ErrorCode::Io, "another program is at work on it; the changes are written when it has ended",
                wanted_.location);
  }
}

void LiveGallery::reload() {
  const std::lock_guard<std::mutex> lock(changing_);
  follow_wish();
  require_location();
  take(file_identity(wanted_.location));
}

// --- telling

std::vector<Error> LiveGallery::troubles() {
  return std::exchange(troubles_, {});
}

void LiveGallery::tell(const std::vector<Error>& troubles) const {
  if (!tell_) return;
  for (const Error& trouble : troubles) tell_(trouble);
}

}  // namespace embed
