// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/update_gallery.h"

#include "embed/error.h"
#include "embed/file_lock.h"

namespace embed {

namespace {

Gallery load_or(const std::string& path, const Gallery& fresh) {
  try {
    return Gallery::load(path, fresh.weights_sha256());
  } catch (const Error& error) {
    if (error.code() != ErrorCode::NotFound) throw;
    return fresh;
  }
}

}  // namespace

Gallery update_gallery(const std::string& path, const Gallery& fresh,
                       const std::function<void(Gallery&)>& change, const std::function<void()>& waiting) {
  const FileLock lock(path, waiting);
  Gallery gallery = load_or(path, fresh);
  change(gallery);
  gallery.save(path);
  return gallery;
}

}  // namespace embed
