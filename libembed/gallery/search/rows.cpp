// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gallery/search/rows.h"

#include <utility>

namespace embed {

GalleryRows::GalleryRows(const GalleryRows& other)
    : full_(other.full_), last_(other.last_ ? std::make_unique<GalleryBlock>(*other.last_) : nullptr) {}

void GalleryRows::append(const float* row, std::int64_t identity) {
  if (!last_) last_ = std::make_unique<GalleryBlock>();
  last_->append(row, identity);
  if (last_->full()) full_.push_back(std::move(last_));
}

void GalleryRows::renumber(const std::vector<std::int64_t>& identities) {
  auto blocks = std::move(full_);
  if (last_) blocks.push_back(std::move(last_));
  full_.clear();
  last_.reset();
  for (auto& block : blocks) {
    for (std::size_t r = 0; r < block->size(); ++r) {
      const std::int64_t who = identities[static_cast<std::size_t>(block->identity(r))];
      if (who >= 0) append(block->row(r), who);
    }
    block.reset();
  }
}

}  // namespace embed
