// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "embed/gallery.h"

namespace embed {

/// The process's one gallery of this file: loaded by the first call, the same object for every further one
/// while somebody has it, gone with the last owner. The file counts, not its path: a file that was replaced
/// or written over is another one. It has its means (see Gallery::build_means()).
///
/// Any thread; calls for the same gallery wait for the one that loads it. Throws as Gallery::load with the
/// weights' SHA-256.
std::shared_ptr<const Gallery> share_gallery(const std::string& path, const std::string& weights_sha256);

/// How many galleries that share_gallery made are alive. Any thread; waits for those being loaded.
std::size_t shared_galleries();

}  // namespace embed
