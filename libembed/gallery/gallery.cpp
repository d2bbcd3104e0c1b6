// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/gallery.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "embed/error.h"
#include "embed/person_name.h"
#include "gallery/checks.h"
#include "gallery/means.h"
#include "gallery/rule.h"
#include "gallery/search/nearest_rows.h"
#include "gallery/search/rows.h"
#include "gallery/search/scan.h"

namespace embed {

namespace {

// Queries that are looked for in one pass over the rows: bounds what a call allocates.
constexpr std::size_t kQueriesAtOnce = 256;

}  // namespace

const char* to_string(Unknown reason) noexcept {
  switch (reason) {
    case Unknown::No:
      return "";
    case Unknown::NoGallery:
      return "no-gallery";
    case Unknown::Far:
      return "far";
    case Unknown::Ambiguous:
      return "ambiguous";
  }
  return "";
}

Gallery::Gallery(Metric metric, std::string weights_sha256)
    : metric_(metric), weights_sha256_(std::move(weights_sha256)) {}

Gallery::Gallery(const Gallery& other)
    : metric_(other.metric_),
      weights_sha256_(other.weights_sha256_),
      threshold_(other.threshold_),
      rows_(other.rows_ ? std::make_unique<GalleryRows>(*other.rows_) : nullptr),
      with_means_(other.with_means_),
      names_(other.names_),
      ids_(other.ids_) {}

Gallery& Gallery::operator=(const Gallery& other) {
  if (this != &other) *this = Gallery(other);
  return *this;
}

Gallery::Gallery(Gallery&&) noexcept = default;
Gallery& Gallery::operator=(Gallery&&) noexcept = default;
Gallery::~Gallery() = default;

std::int64_t Gallery::add_name(const std::string& name) {
  const auto [found, is_new] = ids_.emplace(name, static_cast<std::int64_t>(names_.size()));
  if (is_new) names_.push_back(name);
  return found->second;
}

void Gallery::append(std::int64_t label_id, const float* row) {
  if (!rows_) rows_ = std::make_unique<GalleryRows>();
  rows_->append(row, label_id);
  drop_prepared();
}

void Gallery::drop_prepared() noexcept {
  with_means_.reset();
}

void Gallery::add(const std::string& name, const Embedding& embedding) {
  const std::string normal = person_name(name);
  check_row(normal, embedding.data());
  append(add_name(normal), embedding.data());
}

std::size_t Gallery::remove(const std::string& name) {
  const auto found = ids_.find(person_name(name));
  if (found == ids_.end()) return 0;
  const std::int64_t gone = found->second;
  const std::size_t before = rows();
  rows_->remove(gone);
  drop_prepared();
  names_.erase(names_.begin() + static_cast<std::ptrdiff_t>(gone));
  ids_.erase(found);
  for (auto& [ignored, id] : ids_) {
    if (id > gone) --id;
  }
  return before - rows();
}

const std::string& Gallery::name(std::int64_t label_id) const {
  static const std::string none;
  if (label_id < 0 || label_id >= static_cast<std::int64_t>(names_.size())) return none;
  return names_[static_cast<std::size_t>(label_id)];
}

std::size_t Gallery::rows() const noexcept {
  return rows_ ? rows_->size() : 0;
}

const float* Gallery::row(std::size_t r) const noexcept {
  return rows_->row(r);
}

std::int64_t Gallery::identity(std::size_t r) const noexcept {
  return rows_->identity(r);
}

std::size_t Gallery::rows_of(std::int64_t label_id) const noexcept {
  std::size_t count = 0;
  for (std::size_t b = 0; rows_ && b < rows_->blocks(); ++b) {
    const GalleryBlock& block = rows_->block(b);
    count +=
        static_cast<std::size_t>(std::count(block.identities(), block.identities() + block.size(), label_id));
  }
  return count;
}

void Gallery::build_means() {
  drop_prepared();
  if (rows() > names_.size()) with_means_ = std::make_shared<const GalleryRows>(rows_with_means(*rows_));
}

const GalleryRows& Gallery::looked_at() const noexcept {
  return with_means_ ? *with_means_ : std::as_const(*rows_);
}

std::size_t Gallery::vectors() const noexcept {
  return rows_ ? looked_at().size() : 0;
}

void Gallery::match(const Embedding* queries, std::size_t count, const MatchOptions& options,
                    Match* out) const {
  if (options.k < 1 || options.k > 1024) throw Error(ErrorCode::InvalidArgument, "k: 1 to 1024 expected");
  if (rows() == 0) {
    Match nobody;
    nobody.distance = nobody.runner_up_distance = std::numeric_limits<float>::infinity();
    nobody.unknown = Unknown::NoGallery;
    std::fill_n(out, count, nobody);
    return;
  }
  for (std::size_t first = 0; first < count; first += kQueriesAtOnce) {
    const std::size_t some = std::min(kQueriesAtOnce, count - first);
    std::vector<NearestRows> nearest;
    nearest.reserve(some);
    // More neighbours than rows vote as all rows do.
    for (std::size_t q = 0; q < some; ++q) nearest.emplace_back(std::min(options.k, vectors()));
    scan_rows(looked_at(), options.metric, queries + first, some, nearest.data());
    for (std::size_t q = 0; q < some; ++q) out[first + q] = decide(nearest[q], options);
  }
}

Match Gallery::match(const Embedding& query, const MatchOptions& options) const {
  Match result;
  match(&query, 1, options, &result);
  return result;
}

}  // namespace embed
