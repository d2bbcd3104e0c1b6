// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <limits>

#include "embed/embedding.h"

namespace embed {

/// A weighted mean of embeddings. A value type.
class EmbeddingMean {
 public:
  /// Takes one of finite values and weight > 0. What is older fades, so that no more than `most` > 0 is
  /// remembered.
  void add(const Embedding& embedding, float weight,
           float most = std::numeric_limits<float>::infinity()) noexcept;

  /// Σwx / Σw; zeros while there is none.
  const Embedding& values() const noexcept { return mean_; }
  /// The weight that is remembered.
  float weight() const noexcept { return weight_; }
  /// The mean with the length of its embeddings: 1 where all have it, else as values().
  Embedding scaled() const noexcept;
  /// The distance to a vector as a threshold for single embeddings may judge it, where `distance` is the
  /// mean's own (values() compared with the vector). A mean is nearer to everybody, strangers too, than the
  /// embeddings are that it is made of, the more so the more these differ. For cosine this is made up for so
  /// that a stranger is accepted as often as with one embedding (docs/decisions/0005); L2 and squared L2
  /// become the root mean square and the mean square of the embeddings' distances, and L1 stays as it is.
  float as_of_one(Metric metric, float distance) const noexcept;

 private:
  Embedding mean_{};
  float square_ = 0;  // The weighted mean of the embeddings' squared lengths.
  float weight_ = 0;
  bool unit_ = true;
};

/// What an embedding weighs whose face has that quality, 0 to 1: as much, but a twentieth at least, so that a
/// track of poor faces is decided in the end.
float weight_of(float quality) noexcept;

/// What the embeddings of one track say together. A value type.
class TrackEvidence {
 public:
  /// Takes one, whose values must be finite, with the quality of its face, 0 to 1.
  void add(const Embedding& embedding, float quality) noexcept;
  /// Takes `count` embeddings by their mean, which are unlike the recent ones and take their place there.
  void take_turn(const EmbeddingMean& mean, std::uint64_t count) noexcept;
  /// Forgets all but these `count` with that mean, which end with `latest`: the others are another person's.
  void begin_anew(const EmbeddingMean& mean, std::uint64_t count, const Embedding& latest,
                  float quality) noexcept;

  std::uint64_t count() const noexcept { return count_; }
  float weight() const noexcept { return all_.weight(); }
  /// The weighted mean of all, of length 1 where all have it; zeros while there is none.
  Embedding mean() const noexcept { return all_.scaled(); }
  /// The one of the highest quality, the first of equals; zeros while there is none.
  const Embedding& best() const noexcept { return best_; }
  float best_quality() const noexcept { return best_quality_; }
  /// Of the latest, some ten of them.
  const EmbeddingMean& recent() const noexcept { return recent_; }

 private:
  EmbeddingMean all_, recent_;
  std::uint64_t count_ = 0;
  Embedding best_{};
  float best_quality_ = -1;
};

}  // namespace embed
