// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "embed/error.h"
#include "embed/gallery.h"

namespace embed {

/// A gallery in use while its file changes and while people are added to it. A thread, one for all of the
/// process, looks at the file some times a second and reads it beside those who use the gallery; they take
/// the new one when it suits them. A file that cannot be taken leaves the old gallery in use. Thread-safe.
class LiveGallery {
 public:
  using Change = std::function<void(Gallery&)>;

  LiveGallery() = default;
  /// As close().
  ~LiveGallery();
  LiveGallery(const LiveGallery&) = delete;
  LiveGallery& operator=(const LiveGallery&) = delete;

  /// Whom to tell what goes wrong beside the callers: a file that cannot be taken, once for each such file,
  /// and a change that cannot be written. Called without any lock, by the watching thread and by the callers
  /// of the functions below. Set it before open().
  void on_trouble(std::function<void(const Error&)> tell) { tell_ = std::move(tell); }

  /// Takes the gallery in the file `location` (share_gallery) for these weights, or an empty one where
  /// `location` is empty, and watches the file from here on. An open one may be opened again. Throws as
  /// share_gallery does; an open one then stays as it was.
  void open(const std::string& location, Metric metric, const std::string& weights_sha256);
  /// Stops watching; changes that were not written are lost, which is told where there is a location.
  void close() noexcept;

  /// The gallery in use, with its means; null while closed. Waits for no file.
  std::shared_ptr<const Gallery> get() const;
  /// For a thread that looks again and again: whether get() has changed since the call that left its number
  /// in `seen`, which begins as 0. An atomic load where nothing has changed.
  bool changed(std::uint64_t& seen) const noexcept;

  /// Another file, or none where it is empty. The watching thread takes it at once, and tells where it cannot
  /// be taken. Does not wait for that.
  void set_location(const std::string& location);

  /// Changes the gallery in use, at once, and its file: the file is locked and read, `change` is applied to
  /// what it says by then, and it is written, before this returns. Where there is no location, or another
  /// program is at work on the file (then the watching thread writes it later), the change is in use alone
  /// for now, on top of what is read from any file. `change` may be called several times, and later. Where
  /// it throws nothing changes, and that is thrown; throws Error(Io | Format | Mismatch) where the file
  /// cannot be changed: the change is then in use, and save() tries again. Throws Error(InvalidArgument) when
  /// closed.
  void change(const Change& change);
  /// Writes the changes that are in use alone to the location, where the gallery in use becomes a new file if
  /// there is none. Throws Error(InvalidArgument) without a location and Error(Io) while another program is
  /// at work on the file, else as change() does.
  void save();
  /// Reads the file again, whether it has changed or not. Throws Error(InvalidArgument) without a location,
  /// else as open() does.
  void reload();

 private:
  struct Wanted {
    std::string location;
    Metric metric = Metric::Cosine;
    std::string weights_sha256;
  };
  void watch();
  void look(bool asked);
  void write_late();
  void require_open() const;
  void require_location() const;
  bool follow_wish();
  void take(const std::string& identity);
  void use(std::shared_ptr<const Gallery> gallery);
  std::shared_ptr<const Gallery> with_unwritten(std::shared_ptr<const Gallery> read);
  void write(const Change* change);
  void use_alone(const Change& change);
  void change_now(const Change& change);
  void tell(const std::vector<Error>& troubles) const;
  std::vector<Error> troubles();

  std::function<void(const Error&)> tell_;

  // Held while a file is read or written; what follows is guarded by it. The others are taken under it.
  std::mutex changing_;
  bool open_ = false;
  Wanted wanted_;
  std::string taken_as_, refused_as_;  // Identities of the files that were taken and refused last.
  std::string seen_as_;                // What it was at the last look.
  int unsteady_ = 0;                   // Looks at which it was another than before.
  std::vector<Change> unwritten_;      // In their order.
  bool busy_ = false;                  // Another program was at work on the file: the watching thread writes.
  std::vector<Error> troubles_;        // To be told.

  // Guards the gallery in use.
  mutable std::mutex using_;
  std::shared_ptr<const Gallery> gallery_;
  std::atomic<std::uint64_t> number_{0};  // Counts the galleries that were in use.

  std::mutex wishing_;               // Guards wish_.
  std::optional<std::string> wish_;  // The location that the watching thread is to take.
};

}  // namespace embed
