// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <string>

namespace embed {

/// Who may read a file that was not there before.
enum class Readers {
  AsUmask,  ///< Whom the process's umask lets.
  Owner,    ///< Its owner alone: faces of people.
};

/// The file that a symbolic link stands for, whether it is there or not. Throws Error(Io) for links in a
/// circle. Any thread.
std::string behind_links(const std::string& path);

/// A file that appears under its name only when complete: written beside it, synced, renamed. One that is
/// there keeps its mode, and its owner where the system allows that; where the name is a symbolic link, the
/// file that it points to is the one that is replaced. What a killed writer left beside it is removed. Not
/// thread-safe.
class AtomicFile {
 public:
  /// Throws Error(Io) where a file cannot be written: no such folder, no right to, or something there that is
  /// no regular file.
  AtomicFile(const std::string& path, Readers readers);
  /// Without commit() leaves nothing behind.
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Throws Error(Io).
  void write(const void* data, std::size_t size);
  /// Throws Error(Io).
  void commit();

 private:
  void take_mode();
  [[noreturn]] void fail(const char* what) const;
  void sync_folder() const;

  std::string path_;    // As the caller calls it, for messages.
  std::string target_;  // Without symbolic links at its end.
  std::string part_;    // Empty once renamed.
  Readers readers_;
  int fd_ = -1;
};

}  // namespace embed
