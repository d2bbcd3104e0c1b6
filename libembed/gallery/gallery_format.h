// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>

namespace embed {

// The file of a gallery, as docs/formats.md has it.
inline constexpr const char* kGalleryKind = "tripletembed.gallery";
inline constexpr int kGalleryVersion = 2;

// What stands in the tensors `role`, `quality` and `source`.
inline constexpr std::uint8_t kOwnRow = 0, kCounterExample = 1;
inline constexpr float kNoQuality = -1.0F;
inline constexpr std::int64_t kNoSource = -1;

}  // namespace embed
