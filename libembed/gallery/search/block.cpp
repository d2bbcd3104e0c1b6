// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gallery/search/block.h"

#include <sys/mman.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <new>

#include "base/distance_kernels.h"

namespace embed {

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
// Between these norms no square under- or overflows.
constexpr float kSmallestNorm = 1e-12F, kLargestNorm = 1e12F;
// Room for rounding in the sums over a row's losses.
constexpr float kUp = 1.0F + 1e-5F, kRounding = 1e-6F, kUnderflow = 1e-15F;

constexpr std::size_t kLine = 64, kHugePage = std::size_t{2} << 20;

}  // namespace

void* allocate_aligned(std::size_t bytes) {
  const std::size_t unit = bytes >= kHugePage ? kHugePage : kLine;
  const std::size_t rounded = (std::max<std::size_t>(bytes, 1) + unit - 1) / unit * unit;
  void* data = std::aligned_alloc(unit, rounded);
  if (data == nullptr) throw std::bad_alloc();
  // Only a wish: a system without such pages gives its usual ones.
  if (unit == kHugePage) ::madvise(data, rounded, MADV_HUGEPAGE);
  return data;
}

void free_aligned(void* data) noexcept {
  std::free(data);
}

// Later rows are of the same kind as the first, and one that does not fit has a larger bound, no wrong one.
float code_scale_for(const float* const* rows, std::size_t count) {
  float largest = 0;
  for (std::size_t r = 0; r < count; ++r) {
    if (norm(rows[r]) > kLargestNorm) continue;
    for (std::size_t i = 0; i < kEmbeddingDim; ++i) largest = std::max(largest, std::abs(rows[r][i]));
  }
  return std::max(largest * 1.25F / 127, kSmallestNorm);
}

RowTerms encode_in_panel(const float* row, float norm, float code_scale, std::size_t i, std::size_t steps,
                         std::uint8_t* panel) {
  alignas(64) std::uint8_t codes[kEmbeddingDim];
  const CodingLoss loss = encode_row(row, code_scale, codes);
  for (std::size_t step = 0; step < steps * kPanelStep; step += kPanelStep) {
    std::copy_n(codes + step, kPanelStep, panel + panel_offset(i, step));
  }
  const bool huge = !(norm <= kLargestNorm);
  const bool directed = !huge && norm >= kSmallestNorm;
  const float rounding = kRounding * norm + kUnderflow;
  RowTerms terms = {};
  terms.huge = huge;
  terms.l2_slack = huge ? kInfinity : std::sqrt(loss.squares) * kUp + rounding;
  terms.l1_slack = huge ? kInfinity : loss.absolute * kUp + 16 * rounding;
  terms.half_square = norm * norm / 2;
  terms.inverse_norm = directed ? 1.0F / norm : 0.0F;
  terms.cosine_slack = directed ? terms.l2_slack * terms.inverse_norm * kUp : kInfinity;
  return terms;
}

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
  if (first_row == 0) {
    const float* first[kPanelRows];
    for (std::size_t i = 0; i < kPanelRows; ++i) first[i] = row(i);
    code_scale_ = code_scale_for(first, kPanelRows);
  }
  std::uint8_t* panel = codes_.data() + first_row * kEmbeddingDim;
  for (std::size_t i = 0; i < kPanelRows; ++i) {
    const std::size_t r = first_row + i;
    const RowTerms terms = encode_in_panel(row(r), norms_[r], code_scale_, i, kPanelSteps, panel);
    inverse_norms_[r] = terms.inverse_norm;
    cosine_slack_[r] = terms.cosine_slack;
    l2_slack_[r] = terms.l2_slack;
    half_squares_[r] = terms.half_square;
    l1_slack_[r] = terms.l1_slack;
    if (!terms.huge) largest_norm_ = std::max(largest_norm_, norms_[r] * kUp);
  }
}

CodedRows GalleryBlock::coded_rows(ScanKind kind) const noexcept {
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
  return {panels, code_scale_, largest_norm_};
}

}  // namespace embed
