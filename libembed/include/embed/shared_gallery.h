// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "embed/gallery.h"

namespace embed {

/// The one gallery of this file that the process shares. The first call loads it; further calls return the
/// same object as long as it has an owner. Galleries are told apart by the file, not by its path: a file that
/// was replaced or overwritten is another one. The gallery has its means (see Gallery::build_means).
///
/// Any thread; calls for the same gallery wait for the one that loads it. Throws as Gallery::load with the
/// weights' SHA-256 does.
std::shared_ptr<const Gallery> share_gallery(const std::string& path, const std::string& weights_sha256);

/// How many galleries of share_gallery are alive. Any thread; waits for those that are being loaded.
std::size_t shared_galleries();

}  // namespace embed
