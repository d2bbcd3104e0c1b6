// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/shared_gallery.h"

#include "base/shared_slots.h"
#include "files/file_identity.h"

namespace embed {
namespace {

SharedSlots<const Gallery>& slots() {
  static SharedSlots<const Gallery> slots;
  return slots;
}

}  // namespace

std::shared_ptr<const Gallery> share_gallery(const std::string& path, const std::string& weights_sha256) {
  // Galleries of other weights have the key of those weights, so that every caller is told that they are
  // others.
  const auto slot = slots().slot(file_identity(path) + ' ' + weights_sha256);
  const std::lock_guard<std::mutex> lock(slot->loading);
  if (auto gallery = slot->thing.lock()) return gallery;
  auto gallery = std::make_shared<Gallery>(Gallery::load(path, weights_sha256));
  gallery->build_means();
  slot->thing = gallery;
  return gallery;
}

std::size_t shared_galleries() {
  return slots().alive();
}

}  // namespace embed
