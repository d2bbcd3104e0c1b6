// SPDX-License-Identifier: LGPL-2.1-or-later
#include "files/file_identity.h"

#include <sys/stat.h>

namespace embed {

std::string file_identity(const std::string& path) {
  struct stat file {};
  if (::stat(path.c_str(), &file) != 0) return path;
  std::string text;
  for (const long long part :
       {static_cast<long long>(file.st_dev), static_cast<long long>(file.st_ino),
        static_cast<long long>(file.st_size), static_cast<long long>(file.st_mtim.tv_sec),
        static_cast<long long>(file.st_mtim.tv_nsec)}) {
    text += std::to_string(part) + ':';
  }
  return text;
}

}  // namespace embed
