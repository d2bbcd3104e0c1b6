// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gallery/personal_file.h"

#include <sys/stat.h>

#include "embed/safetensors.h"

namespace gallery_tool {

namespace {

class OwnerAlone {
 public:
  OwnerAlone() : before_(::umask(0077)) {}
  ~OwnerAlone() { ::umask(before_); }
  OwnerAlone(const OwnerAlone&) = delete;
  OwnerAlone& operator=(const OwnerAlone&) = delete;

 private:
  mode_t before_;
};

}  // namespace

void write_personal_file(const std::string& path, const std::string& bytes) {
  const OwnerAlone owner_alone;
  embed::write_file_atomically(path, bytes.data(), bytes.size());
}

}  // namespace gallery_tool
