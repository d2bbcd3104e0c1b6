// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <utility>
#include <vector>

namespace training {

/// A small seeded generator (SplitMix64). Its numbers are a function of the seed and the path alone, on every
/// machine and standard library: what epoch 7, batch 3 draws does not depend on what was drawn before, so a
/// resumed run has no generator state to restore.
class Rng {
 public:
  explicit Rng(std::uint64_t seed, std::initializer_list<std::uint64_t> path = {}) : state_(mix(seed)) {
    for (const std::uint64_t part : path) state_ = mix(state_ + 0x9E3779B97F4A7C15ULL * (part + 1));
  }

  std::uint64_t next() { return mix(state_ += 0x9E3779B97F4A7C15ULL); }
  /// In [0, 1).
  double uniform() { return static_cast<double>(next() >> 11U) * 0x1.0p-53; }
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  bool chance(double probability) { return uniform() < probability; }
  /// In [0, n), n ≥ 1. The bias of the multiplication is below n / 2^32.
  std::size_t below(std::size_t n) {
    return static_cast<std::size_t>(((next() >> 32U) * static_cast<std::uint64_t>(n)) >> 32U);
  }
  /// Standard normal (Box–Muller; one value a call, so that calls stay independent of each other).
  double normal() {
    const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
    return radius * std::cos(6.283185307179586 * uniform());
  }
  template <typename T>
  void shuffle(std::vector<T>& values) {
    for (std::size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[below(i)]);
  }

 private:
  static std::uint64_t mix(std::uint64_t z) {
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31U);
  }
  std::uint64_t state_;
};

}  // namespace training
