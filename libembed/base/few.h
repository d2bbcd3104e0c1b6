// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <array>

namespace embed {

/// A list of at most N values that allocates nothing.
template <typename T, int N>
class Few {
 public:
  /// For fewer than N values so far.
  void add(const T& value) noexcept { values_[static_cast<std::size_t>(count_++)] = value; }
  const T* begin() const noexcept { return values_.data(); }
  const T* end() const noexcept { return begin() + count_; }
  const T& front() const noexcept { return *begin(); }
  const T& back() const noexcept { return *(end() - 1); }

 private:
  std::array<T, static_cast<std::size_t>(N)> values_{};
  int count_ = 0;
};

}  // namespace embed
