// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/gallery.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "embed/error.h"
#include "gallery/enrolled_rows.h"
#include "gallery/means.h"
#include "gallery/rule.h"
#include "gallery/search/nearest_rows.h"
#include "gallery/search/rows.h"
#include "gallery/search/scan.h"

namespace embed {

namespace {

// Queries that are looked for in one pass over the rows: bounds what a call allocates.
constexpr std::size_t kQueriesAtOnce = 256;

std::unique_ptr<EnrolledRows> copy_of(const std::unique_ptr<EnrolledRows>& rows) {
  return rows ? std::make_unique<EnrolledRows>(*rows) : nullptr;
}

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
    case Unknown::Rejected:
      return "rejected";
  }
  return "";
}

Gallery::Gallery(Metric metric, std::string weights_sha256)
    : metric_(metric), weights_sha256_(std::move(weights_sha256)) {}

Gallery::Gallery(const Gallery& other)
    : metric_(other.metric_),
      weights_sha256_(other.weights_sha256_),
      threshold_(other.threshold_),
      rows_(copy_of(other.rows_)),
      counter_examples_(copy_of(other.counter_examples_)),
      with_means_(other.with_means_),
      names_(other.names_),
      person_ids_(other.person_ids_),
      notes_(other.notes_),
      ids_(other.ids_) {}

Gallery& Gallery::operator=(const Gallery& other) {
  if (this != &other) *this = Gallery(other);
  return *this;
}

Gallery::Gallery(Gallery&&) noexcept = default;
Gallery& Gallery::operator=(Gallery&&) noexcept = default;
Gallery::~Gallery() = default;

const std::unique_ptr<EnrolledRows>& Gallery::rows_in(Role role) const noexcept {
  return role == Role::Own ? rows_ : counter_examples_;
}

void Gallery::drop_prepared() noexcept {
  with_means_.reset();
}

const std::string& Gallery::name(std::int64_t label_id) const {
  static const std::string none;
  if (label_id < 0 || label_id >= static_cast<std::int64_t>(names_.size())) return none;
  return names_[static_cast<std::size_t>(label_id)];
}

std::size_t Gallery::rows(Role role) const noexcept {
  const auto& rows = rows_in(role);
  return rows ? rows->rows.size() : 0;
}

const float* Gallery::row(std::size_t r, Role role) const noexcept {
  return rows_in(role)->rows.row(r);
}

std::int64_t Gallery::identity(std::size_t r, Role role) const noexcept {
  return rows_in(role)->rows.identity(r);
}

const Enrolment& Gallery::enrolment(std::size_t r, Role role) const noexcept {
  return rows_in(role)->enrolments[r];
}

std::size_t Gallery::rows_of(std::int64_t label_id, Role role) const noexcept {
  const auto& rows = rows_in(role);
  std::size_t count = 0;
  for (std::size_t b = 0; rows && b < rows->rows.blocks(); ++b) {
    const GalleryBlock& block = rows->rows.block(b);
    count +=
        static_cast<std::size_t>(std::count(block.identities(), block.identities() + block.size(), label_id));
  }
  return count;
}

void Gallery::build_means() {
  drop_prepared();
  if (rows() > names_.size()) with_means_ = std::make_shared<const GalleryRows>(rows_with_means(rows_->rows));
}

const GalleryRows& Gallery::looked_at() const noexcept {
  return with_means_ ? *with_means_ : std::as_const(rows_->rows);
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
    for (std::size_t q = 0; q < some; ++q) {
      out[first + q] = decide(nearest[q], options);
      if (counter_examples_)
        heed_counter_examples(counter_examples_->rows, options.metric, queries[first + q], out[first + q]);
    }
  }
}

Match Gallery::match(const Embedding& query, const MatchOptions& options) const {
  Match result;
  match(&query, 1, options, &result);
  return result;
}

}  // namespace embed
