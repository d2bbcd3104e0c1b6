// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <functional>
#include <string>

#include "embed/gallery.h"

namespace embed {

/// Changes a gallery's file while others do the same: takes its FileLock, reads it, lets `change` change the
/// gallery, and saves it. Where there is no file, `change` gets a copy of `fresh`. Returns what was saved;
/// without having changed the file when `change` throws. Calls `waiting` once where another writer is at
/// work. Throws Error(Mismatch) for a gallery of other weights than those of `fresh`, and as FileLock,
/// Gallery::load and Gallery::save do. Any thread.
Gallery update_gallery(const std::string& path, const Gallery& fresh,
                       const std::function<void(Gallery&)>& change,
                       const std::function<void()>& waiting = {});

}  // namespace embed
