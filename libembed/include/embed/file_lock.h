// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <functional>
#include <string>

namespace embed {

/// Lets one process at a time read a file, change it and write it again. It locks the file `path`.lock,
/// beside the file itself where `path` is a symbolic link. It creates that file if need be and never removes
/// it, since a removed file could be locked twice. The lock ends with this object, and with the process
/// however that ends (flock). One thread at a time.
class FileLock {
 public:
  /// Calls `waiting` once and waits while another process, or another FileLock of this one, holds the lock;
  /// what it throws ends the wait and is thrown.
  /// Throws Error(Io) for a missing folder, for one without the right to write, for a file system without
  /// locks, and for symbolic links in a circle.
  explicit FileLock(const std::string& path, const std::function<void()>& waiting = {});
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int fd_;
};

}  // namespace embed
