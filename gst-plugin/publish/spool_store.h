// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace embed::gst {

/// Records in the order in which they came, up to a number of bytes. A record is read, and later settled:
/// then it is gone. What was read and not settled can be read again. One thread at a time.
class SpoolStore {
 public:
  SpoolStore() = default;
  virtual ~SpoolStore() = default;
  SpoolStore(const SpoolStore&) = delete;
  SpoolStore& operator=(const SpoolStore&) = delete;

  /// False where there is no room. Throws Error(Io); then the record is not in it.
  virtual bool append(const std::string& record) = 0;
  /// The next record that has not been read; false where there is none.
  virtual bool read(std::string& record) = 0;
  /// The first record that is not settled is read again next.
  virtual void rewind() = 0;
  /// The first record that is not settled, which has been read, is.
  virtual void settle() = 0;
  /// Makes room by the oldest records; how many were lost by that.
  virtual std::uint64_t drop_oldest() = 0;
  /// Records that are not settled.
  virtual std::uint64_t count() const = 0;
  virtual std::uint64_t bytes() const = 0;
  /// Keeps on disk what is settled, where there is one.
  virtual void save() {}
  /// A descriptor of the caller's own to sync, else −1.
  virtual int sync_handle() { return -1; }
  /// Since the last call: how many records could not be read, and why; nothing where all could.
  virtual std::uint64_t take_damage(std::string& why) {
    (void)why;
    return 0;
  }
};

/// In memory: it ends with the process. `most`: bytes.
std::unique_ptr<SpoolStore> memory_store(std::uint64_t most);

/// In a folder, which is made if need be, for its owner alone; its parent has to be there. What another
/// process left in it comes first. docs/publish.md describes the files. Throws Error(Io | InvalidArgument)
/// that names the property `spool`, also where another one is using the folder.
std::unique_ptr<SpoolStore> disk_store(const std::string& folder, std::uint64_t most);

}  // namespace embed::gst
