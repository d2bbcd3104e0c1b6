// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "embed/gallery.h"

namespace embed {

/// The process's one gallery of this file: loaded by the first call, the same object for every further one
/// while somebody has it, gone with the last owner. The file counts, not its path: a file that was replaced
/// or written over is another one. It has its means (see Gallery::build_means()). With `index` it is one that
/// is indexed for that metric (see Gallery::build_index), apart from the ones for other metrics and for none.
///
/// Any thread; calls for the same gallery wait for the one that loads it. Throws as Gallery::load with the
/// weights' SHA-256, and as Gallery::build_index.
std::shared_ptr<const Gallery> share_gallery(const std::string& path, const std::string& weights_sha256,
                                             std::optional<Metric> index = std::nullopt);

/// How many galleries that share_gallery made are alive. Any thread; waits for those being loaded.
std::size_t shared_galleries();

}  // namespace embed
