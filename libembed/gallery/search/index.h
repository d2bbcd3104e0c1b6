// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "gallery/search/block.h"
#include "gallery/search/leading_values.h"
#include "gallery/search/nearest_rows.h"
#include "gallery/search/query_codes.h"
#include "gallery/search/rows.h"

namespace embed {

/// Rows sorted into lists around centroids that FAISS has trained, for galleries in which a look at every row
/// takes too long. A query looks into the lists of its nearest centroids alone; there the search is that of
/// the flat gallery, exact and by the same rule. How many lists are looked into is measured when the index is
/// built: as many as find the nearest row of all for 99.5 % of the gallery's own rows (each without itself).
///
/// Immutable. thread-safe.
class GalleryIndex {
 public:
  /// Below this many rows there is nothing to win.
  static constexpr std::size_t kFewestRows = 20'000;

  /// `rows` has at least kFewestRows. It is not kept; search() needs it again.
  /// Throws Error(Unsupported) without FAISS.
  GalleryIndex(const GalleryRows& rows, Metric metric);
  ~GalleryIndex();

  Metric metric() const noexcept { return metric_; }
  std::size_t lists() const noexcept { return centroids_.size(); }
  std::size_t probes() const noexcept { return probes_; }

  /// Finds near rows for each of `count` queries, `queries` [count], and adds them to `out` [count]. `rows`
  /// is what the index was made of.
  void search(const GalleryRows& rows, const Embedding* queries, std::size_t count, NearestRows* out) const;

 private:
  struct List {
    std::size_t first_panel = 0, panels = 0;
    float code_scale = 0, largest_norm = 0, largest_rest = 0;
  };

  std::vector<std::uint32_t> assign(const GalleryRows& rows) const;
  void fill_lists(const GalleryRows& rows, const std::vector<std::uint32_t>& list_of);
  void fill_list(const GalleryRows& rows, List& list, const std::vector<std::uint32_t>& members);
  std::size_t measure_probes(const GalleryRows& rows, const std::vector<std::uint32_t>& list_of) const;
  CodedRows coded(const List& list) const noexcept;
  void search_some(const GalleryRows& rows, const Embedding* queries, std::size_t count,
                   NearestRows* out) const;
  void prefetch(const List& list) const noexcept;

  Metric metric_;
  GalleryRows centroids_;
  LeadingValues leading_;  // What of the rows is in the lists.
  std::size_t probes_ = 1;
  bool several_ = false;  // More than one identity.
  std::vector<List> lists_;
  std::unique_ptr<AlignedArray<std::uint8_t>> codes_;  // [panels, steps, 16, 8], list after list
  std::vector<float> slack_;                           // [panels, 16]
  std::vector<float> other_;                           // [panels, 16]: scale for cosine, offset for L2
  std::vector<std::uint32_t> numbers_;  // [panels, 16]: whose bytes; kNoRow fills a list's last.
};

}  // namespace embed
