// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "embed/embedding.h"
#include "gallery/search/code_scan.h"

namespace embed {

/// An array that starts on a cache line and is not initialised: memory that is never written is never paged
/// in.
template <typename T>
class AlignedArray {
 public:
  explicit AlignedArray(std::size_t size)
      : data_(static_cast<T*>(::operator new (size * sizeof(T), std::align_val_t{kLine}))) {}
  T* data() noexcept { return data_.get(); }
  const T* data() const noexcept { return data_.get(); }
  T& operator[](std::size_t i) noexcept { return data_.get()[i]; }
  const T& operator[](std::size_t i) const noexcept { return data_.get()[i]; }

 private:
  static constexpr std::size_t kLine = 64;
  struct Free {
    void operator()(T* data) const noexcept { ::operator delete (data, std::align_val_t{kLine}); }
  };
  std::unique_ptr<T, Free> data_;
};

/// Rows as bytes with the scale of their codes, borrowed.
struct CodedRows {
  CodePanels panels;
  float code_scale;    ///< Value of a step between two codes, above 0.
  float largest_norm;  ///< No smaller than the norm of any row with a finite slack.
  /// Where the bytes have only the first values of rows: no smaller than the norm of the rest of any of these
  /// rows; for cosine as a share of the row's norm.
  float largest_rest = 0;
};

/// What the bytes of a row lose, as bounds that a scan needs: see QueryCodes. Infinite for rows that bytes do
/// no justice.
struct RowTerms {
  float inverse_norm;  ///< 0 for rows that have no use for it.
  float cosine_slack;  ///< ‖row − bytes‖ / ‖row‖, rounded up.
  float l2_slack;      ///< ‖row − bytes‖, rounded up.
  float half_square;   ///< ‖row‖² / 2
  float l1_slack;      ///< Σ |row − bytes|, rounded up.
  bool huge;           ///< Not to be counted in CodedRows::largest_norm.
};

/// Writes row `i` of a panel of that many steps: the first of its values, `row` [128], all finite and zero
/// beyond those. `norm` is that of the whole row.
RowTerms encode_in_panel(const float* row, float norm, float code_scale, std::size_t i, std::size_t steps,
                         std::uint8_t* panel);

/// A scale for codes such that these rows, `count` of them as pointers to [128], fit with a quarter to spare.
float code_scale_for(const float* const* rows, std::size_t count);

/// Up to 4,096 rows with whose they are, and the same rows as bytes for a fast first look (code_scan.h). The
/// bytes are made when a panel of sixteen rows is complete; the few rows after the last panel have none.
///
/// For every row are kept its norm and bounds on what its bytes lose, so that a scan of the bytes can tell
/// which rows cannot be near enough, and the rest is measured exactly. Rows that bytes do no justice (zero or
/// huge ones) have infinite bounds: they are always measured.
///
/// A value type. const members are thread-safe.
class GalleryBlock {
 public:
  static constexpr std::size_t kRows = 4096;

  GalleryBlock();
  GalleryBlock(const GalleryBlock& other);
  GalleryBlock& operator=(const GalleryBlock&) = delete;

  /// Adds a row, [128] finite values. The block must not be full.
  void append(const float* row, std::int64_t identity);

  std::size_t size() const noexcept { return size_; }
  bool full() const noexcept { return size_ == kRows; }
  const float* row(std::size_t r) const noexcept { return rows_.data() + r * kEmbeddingDim; }
  float norm(std::size_t r) const noexcept { return norms_[r]; }
  std::int64_t identity(std::size_t r) const noexcept { return identities_[r]; }
  const std::int64_t* identities() const noexcept { return identities_.data(); }

  /// The rows that have bytes, a multiple of 16.
  std::size_t coded() const noexcept { return size_ / kPanelRows * kPanelRows; }
  CodedRows coded_rows(ScanKind kind) const noexcept;

 private:
  void encode_panel(std::size_t first_row);

  std::size_t size_ = 0;
  float code_scale_ = 0.0F;
  float largest_norm_ = 0.0F;
  AlignedArray<float> rows_;               // [kRows, 128]
  AlignedArray<std::uint8_t> codes_;       // [kRows / 16, kPanelBytes]
  AlignedArray<std::int64_t> identities_;  // [kRows], as are the following
  AlignedArray<float> norms_;
  AlignedArray<float> inverse_norms_;  // This and the following: RowTerms of the rows that have bytes.
  AlignedArray<float> cosine_slack_;
  AlignedArray<float> l2_slack_;
  AlignedArray<float> half_squares_;
  AlignedArray<float> l1_slack_;
};

}  // namespace embed
