// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "gallery/search/block.h"

namespace embed {

/// The rows of a gallery, in blocks. Full blocks never change, so copies share them: a copy costs one block
/// at most, and adding a row never moves those that are there. A value type; const members are thread-safe.
class GalleryRows {
 public:
  GalleryRows() = default;
  GalleryRows(const GalleryRows& other);
  GalleryRows& operator=(const GalleryRows&) = delete;
  GalleryRows(GalleryRows&&) noexcept = default;
  GalleryRows& operator=(GalleryRows&&) noexcept = default;

  /// Adds a row, [128] finite values.
  void append(const float* row, std::int64_t identity);

  std::size_t size() const noexcept {
    return full_.size() * GalleryBlock::kRows + (last_ ? last_->size() : 0);
  }
  /// All but the last block have GalleryBlock::kRows rows.
  std::size_t blocks() const noexcept { return full_.size() + (last_ ? 1 : 0); }
  const GalleryBlock& block(std::size_t b) const noexcept { return b < full_.size() ? *full_[b] : *last_; }

  const float* row(std::size_t r) const noexcept { return of(r).row(r % GalleryBlock::kRows); }
  float norm(std::size_t r) const noexcept { return of(r).norm(r % GalleryBlock::kRows); }
  std::int64_t identity(std::size_t r) const noexcept { return of(r).identity(r % GalleryBlock::kRows); }

  /// Makes the rows of identity i those of `identities[i]`, and takes them out where that is −1. Blocks that
  /// nobody else holds are freed as they are copied.
  void renumber(const std::vector<std::int64_t>& identities);

 private:
  const GalleryBlock& of(std::size_t r) const noexcept { return block(r / GalleryBlock::kRows); }

  std::vector<std::shared_ptr<const GalleryBlock>> full_;
  std::unique_ptr<GalleryBlock> last_;  // Null or with room for a row and at least one in it.
};

}  // namespace embed
