// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <vector>

#include "embed/embedding.h"

namespace embed {

/// Coordinates, of the same lengths and angles, in which a gallery's rows differ mostly in their first
/// values: those of face networks do so in about 30 of their 128 directions. Immutable; thread-safe.
class LeadingValues {
 public:
  /// All values, as they are.
  LeadingValues() = default;
  /// Learns from `points` [points.size() / 128, 128], for which the first values shall leave 3 % of
  /// the squared length at most. Stays with all values when most of them would be needed.
  /// Throws Error(Unsupported) without FAISS.
  explicit LeadingValues(const std::vector<float>& points);

  /// A multiple of kPanelStep.
  std::size_t count() const noexcept { return count_; }
  /// `values` [128] → `first` [128], zero beyond count(). Returns the norm of what `values` has beyond.
  float take(const float* values, float* first) const noexcept;

 private:
  std::size_t count_ = kEmbeddingDim;
  std::vector<float> directions_;  // [count_, 128]; empty while all values are taken.
};

}  // namespace embed
