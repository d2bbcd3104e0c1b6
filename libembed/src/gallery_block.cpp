// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gallery_block.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "distance_kernels.h"

namespace embed {

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
// Between these norms no square under- or overflows.
constexpr float kSmallestNorm = 1e-12F, kLargestNorm = 1e12F;
// Room for rounding in the sums over a row's losses.
constexpr float kUp = 1.0F + 1e-5F, kRounding = 1e-6F, kUnderflow = 1e-15F;

/// A step such that the first rows fit with a quarter to spare: later ones are of the same kind, and one that
/// does not fit has a larger bound, no wrong one.
float step_for(const float* rows, std::size_t count) {
  float largest = 0;
  for (std::size_t r = 0; r < count; ++r) {
    const float* row = rows + r * kEmbeddingDim;
    if (norm(row) > kLargestNorm) continue;
    for (std::size_t i = 0; i < kEmbeddingDim; ++i) largest = std::max(largest, std::abs(row[i]));
  }
  return std::max(largest * 1.25F / 127, kSmallestNorm);
}

}  // namespace

GalleryBlock::GalleryBlock()
    : rows_(kRows * kEmbeddingDim),
      codes_(kRows * kEmbeddingDim),
      identities_(kRows),
      norms_(kRows),
      inverse_norms_(kRows),
      cosine_slack_(kRows),
      l2_slack_(kRows),
      half_squares_(kRows),
      l1_slack_(kRows) {}

GalleryBlock::GalleryBlock(const GalleryBlock& other) : GalleryBlock() {
  size_ = other.size_;
  code_scale_ = other.code_scale_;
  largest_norm_ = other.largest_norm_;
  std::copy_n(other.rows_.data(), size_ * kEmbeddingDim, rows_.data());
  std::copy_n(other.codes_.data(), coded() * kEmbeddingDim, codes_.data());
  std::copy_n(other.identities_.data(), size_, identities_.data());
  std::copy_n(other.norms_.data(), size_, norms_.data());
  std::copy_n(other.inverse_norms_.data(), coded(), inverse_norms_.data());
  std::copy_n(other.cosine_slack_.data(), coded(), cosine_slack_.data());
  std::copy_n(other.l2_slack_.data(), coded(), l2_slack_.data());
  std::copy_n(other.half_squares_.data(), coded(), half_squares_.data());
  std::copy_n(other.l1_slack_.data(), coded(), l1_slack_.data());
}

void GalleryBlock::append(const float* row, std::int64_t identity) {
  std::copy_n(row, kEmbeddingDim, rows_.data() + size_ * kEmbeddingDim);
  identities_[size_] = identity;
  norms_[size_] = embed::norm(row);
  ++size_;
  if (size_ % kPanelRows == 0) encode_panel(size_ - kPanelRows);
}

void GalleryBlock::encode_panel(std::size_t first_row) {
  if (first_row == 0) code_scale_ = step_for(rows_.data(), kPanelRows);
  std::uint8_t* panel = codes_.data() + first_row * kEmbeddingDim;
  for (std::size_t i = 0; i < kPanelRows; ++i) {
    const std::size_t r = first_row + i;
    alignas(64) std::uint8_t codes[kEmbeddingDim];
    const CodingLoss loss = encode_row(row(r), code_scale_, codes);
    for (std::size_t step = 0; step < kEmbeddingDim; step += kPanelStep) {
      std::copy_n(codes + step, kPanelStep, panel + panel_offset(i, step));
    }
    const float length = norms_[r];
    const bool huge = !(length <= kLargestNorm);
    const bool tiny = length < kSmallestNorm;
    const float rounding = kRounding * length + kUnderflow;
    l2_slack_[r] = huge ? kInfinity : std::sqrt(loss.squares) * kUp + rounding;
    l1_slack_[r] = huge ? kInfinity : loss.absolute * kUp + 16 * rounding;
    half_squares_[r] = length * length / 2;
    inverse_norms_[r] = huge || tiny ? 0.0F : 1.0F / length;
    cosine_slack_[r] = huge || tiny ? kInfinity : l2_slack_[r] * inverse_norms_[r] * kUp;
    if (!huge) largest_norm_ = std::max(largest_norm_, length * kUp);
  }
}

CodePanels GalleryBlock::panels(ScanKind kind) const noexcept {
  CodePanels panels = {codes_.data(), coded() / kPanelRows, nullptr, nullptr, nullptr};
  switch (kind) {
    case ScanKind::Cosine:
      panels.scale = inverse_norms_.data();
      panels.slack = cosine_slack_.data();
      break;
    case ScanKind::L2:
      panels.slack = l2_slack_.data();
      panels.offset = half_squares_.data();
      break;
    case ScanKind::L1:
      panels.slack = l1_slack_.data();
      break;
  }
  return panels;
}

}  // namespace embed
