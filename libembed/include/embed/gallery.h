// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "embed/embedding.h"

namespace embed {

/// How to decide who a face is.
struct MatchOptions {
  Metric metric = Metric::Cosine;
  /// Beyond this distance the answer is unknown ("far"). Absent: no face is too far.
  std::optional<float> threshold;
  /// Unknown ("ambiguous") when the runner-up's distance exceeds the winner's by less than this. 0: never.
  float margin = 0.0F;
  /// Neighbours that vote, 1 to 1024; a tie goes to the label with the nearest neighbour. 1: the nearest
  /// alone.
  std::size_t k = 1;
};

/// Why an answer has no name.
enum class Unknown { No, NoGallery, Far, Ambiguous };
const char* to_string(Unknown reason) noexcept;  ///< "", "no-gallery", "far", "ambiguous".

/// The answer for one embedding. Labels are indices into Gallery::names(), or −1 for none.
struct Match {
  std::int64_t label_id = -1;       ///< The winner, −1 when unknown.
  std::int64_t nearest_id = -1;     ///< The winner also when it was refused as too far or ambiguous.
  float distance = 0.0F;            ///< Of the winner's nearest row or mean. +inf for an empty gallery.
  std::int64_t runner_up_id = -1;   ///< The nearest other identity, −1 when there is none.
  float runner_up_distance = 0.0F;  ///< +inf when there is none.
  Unknown unknown = Unknown::No;
};

class GalleryRows;

/// Enrolled identities: rows of embeddings, each with a name. A value type; const members are thread-safe,
/// changes are not: share a `std::shared_ptr<const Gallery>` and swap it. Copies share most of their rows.
/// A row takes 672 bytes: its floats, the same as bytes for the search, and what the search knows of it.
class Gallery {
 public:
  /// An empty gallery for embeddings of the weights with that SHA-256 (empty: of unknown weights).
  explicit Gallery(Metric metric = Metric::Cosine, std::string weights_sha256 = {});

  Gallery(const Gallery& other);
  Gallery& operator=(const Gallery& other);
  Gallery(Gallery&& other) noexcept;
  Gallery& operator=(Gallery&& other) noexcept;
  ~Gallery();

  /// Throws Error(NotFound | Io | Format).
  static Gallery load(const std::string& path);
  /// As load, and throws Error(Mismatch) when the gallery was made with other weights.
  static Gallery load(const std::string& path, const std::string& weights_sha256);
  /// Atomic. A new file is its owner's alone to read, one that is there keeps its mode and owner. Those that
  /// change a gallery hold a FileLock from load to save. Throws Error(Io).
  void save(const std::string& path) const;

  /// Adds one row, and the name, as person_name() makes it, if it is new. Throws Error(InvalidArgument) for
  /// what is no name there, and for values that are not finite.
  void add(const std::string& name, const Embedding& embedding);
  /// Removes a name, in any spelling, and its rows; returns how many rows. Ids of later names move down by
  /// one. Throws Error(InvalidArgument) for what is no name.
  std::size_t remove(const std::string& name);

  Metric metric() const noexcept { return metric_; }
  const std::string& weights_sha256() const noexcept { return weights_sha256_; }
  std::optional<float> threshold() const noexcept { return threshold_; }
  void set_threshold(std::optional<float> threshold) { threshold_ = threshold; }

  std::size_t rows() const noexcept;
  const std::vector<std::string>& names() const noexcept { return names_; }
  /// The name of a label id; the empty string for −1.
  const std::string& name(std::int64_t label_id) const;
  /// Row r < rows(), [128] float32, and whose it is. The row stays where it is until rows are removed or the
  /// gallery goes.
  const float* row(std::size_t r) const noexcept;
  std::int64_t identity(std::size_t r) const noexcept;
  std::size_t rows_of(std::int64_t label_id) const noexcept;

  /// Adds to what match() looks at the mean of each identity with two rows or more: several pictures of a
  /// person say together what chance has put into each. Means of rows of length 1 have length 1. Takes one
  /// pass over the rows and 672 bytes an identity. A change of the gallery drops the means.
  void build_means();
  /// Rows and means: how many vectors a query is compared with.
  std::size_t vectors() const noexcept;

  /// The nearest-identity rule for a batch: `queries` [count] → `out` [count], both the caller's. One pass
  /// over the rows serves up to 256 queries; large work is spread over the process's CPUs (affinity,
  /// cgroup quota and OMP_NUM_THREADS are heeded).
  /// Throws Error(InvalidArgument) for k outside 1–1024.
  void match(const Embedding* queries, std::size_t count, const MatchOptions& options, Match* out) const;
  Match match(const Embedding& query, const MatchOptions& options) const;

 private:
  /// The id of a name that person_name() gave.
  std::int64_t add_name(const std::string& name);
  /// Takes a row [128] off a file that is at `path`; `id_of` says which of its names are here already.
  void take_row(const std::string& path, std::size_t row, std::int64_t who, const float* values,
                const std::vector<std::string>& names, std::vector<std::int64_t>& id_of);
  /// Adds a row [128] of finite values.
  void append(std::int64_t label_id, const float* row);
  /// Rows and means; not for a gallery without rows.
  const GalleryRows& looked_at() const noexcept;
  /// After a change.
  void drop_prepared() noexcept;

  Metric metric_;
  std::string weights_sha256_;
  std::optional<float> threshold_;
  std::unique_ptr<GalleryRows> rows_;              // Null: none.
  std::shared_ptr<const GalleryRows> with_means_;  // rows_ as they are and means, or null.
  std::vector<std::string> names_;
  std::map<std::string, std::int64_t> ids_;
};

}  // namespace embed
