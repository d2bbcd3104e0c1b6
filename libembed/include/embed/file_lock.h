// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <functional>
#include <string>

namespace embed {

/// Holds `path`.lock, which it makes where there is none and leaves there (removing it would let two in): of
/// those that read a file, change it and write it again, one at a time. Waits while another process, or
/// another lock of this one, holds it. Gone with the object, and with the process however that ends (flock).
class FileLock {
 public:
  /// `waiting` is called once where another holds it. Throws Error(Io): no such folder, no right to write
  /// there, a file system without locks.
  explicit FileLock(const std::string& path, const std::function<void()>& waiting = {});
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int fd_;
};

}  // namespace embed
