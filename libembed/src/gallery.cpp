// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/gallery.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "distance_kernels.h"
#include "embed/error.h"

namespace embed {

namespace {

constexpr std::size_t kLongestName = 256;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// Length of the UTF-8 sequence that starts at text[i], 0 when it is not one (RFC 3629: no overlong forms, no
/// surrogates, nothing above U+10FFFF).
std::size_t utf8_length(const std::string& text, std::size_t i) {
  const auto byte = [&](std::size_t k) {
    return static_cast<unsigned char>(i + k < text.size() ? text[i + k] : 0);
  };
  const auto continues = [&](std::size_t k) { return (byte(k) & 0xC0U) == 0x80U; };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return continues(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    if (!continues(1) || !continues(2)) return 0;
    if (lead == 0xE0 && byte(1) < 0xA0) return 0;
    if (lead == 0xED && byte(1) > 0x9F) return 0;
    return 3;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    if (!continues(1) || !continues(2) || !continues(3)) return 0;
    if (lead == 0xF0 && byte(1) < 0x90) return 0;
    if (lead == 0xF4 && byte(1) > 0x8F) return 0;
    return 4;
  }
  return 0;
}

void check_name(const std::string& name) {
  if (name.empty() || name.size() > kLongestName) {
    throw Error(ErrorCode::InvalidArgument, "identity name: 1 to 256 bytes expected");
  }
  for (std::size_t i = 0; i < name.size();) {
    const std::size_t length = utf8_length(name, i);
    if (length == 0 || static_cast<unsigned char>(name[i]) < 0x20) {
      throw Error(ErrorCode::InvalidArgument,
                  "identity name: UTF-8 text without control characters expected");
    }
    i += length;
  }
}

/// Row numbers of the k smallest distances, nearest first; rows at infinity are left out.
std::vector<std::size_t> nearest_rows(const std::vector<float>& distance, std::size_t k) {
  std::vector<std::size_t> order(distance.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const std::size_t kept = std::min(k, order.size());
  // Equal distances are ordered by row, so that an answer never depends on the sort.
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(kept), order.end(),
                    [&](std::size_t a, std::size_t b) {
                      return distance[a] != distance[b] ? distance[a] < distance[b] : a < b;
                    });
  order.resize(kept);
  while (!order.empty() && distance[order.back()] == kInfinity) order.pop_back();
  return order;
}

/// The identity with most of the rows (nearest first); a tie goes to the one that comes first. −1 when there
/// are none.
std::int64_t vote(const std::vector<std::size_t>& rows, const std::vector<std::int64_t>& identities) {
  std::int64_t winner = -1;
  std::size_t most = 0;
  for (const std::size_t row : rows) {
    const auto votes = static_cast<std::size_t>(std::count_if(
        rows.begin(), rows.end(), [&](std::size_t other) { return identities[other] == identities[row]; }));
    if (votes > most) {
      most = votes;
      winner = identities[row];
    }
  }
  return winner;
}

std::int64_t argmin(const std::vector<float>& distance) {
  const auto smallest = std::min_element(distance.begin(), distance.end());
  return smallest == distance.end() || *smallest == kInfinity ? -1 : smallest - distance.begin();
}

Match decide(const std::vector<float>& distance, const std::vector<std::int64_t>& identities,
             const MatchOptions& options) {
  Match match;
  match.distance = match.runner_up_distance = kInfinity;
  if (identities.empty()) {
    match.unknown = Unknown::NoGallery;
    return match;
  }
  if (options.k == 1) {
    const std::int64_t row = argmin(distance);
    match.nearest_id = row < 0 ? -1 : identities[static_cast<std::size_t>(row)];
  } else {
    match.nearest_id = vote(nearest_rows(distance, options.k), identities);
  }
  for (std::size_t r = 0; r < identities.size(); ++r) {
    if (identities[r] == match.nearest_id) {
      match.distance = std::min(match.distance, distance[r]);
    } else if (distance[r] < match.runner_up_distance) {
      match.runner_up_distance = distance[r];
      match.runner_up_id = identities[r];
    }
  }
  if (match.nearest_id < 0 || (options.threshold && match.distance > *options.threshold)) {
    match.unknown = Unknown::Far;
  } else if (options.margin > 0 && match.runner_up_distance - match.distance < options.margin) {
    match.unknown = Unknown::Ambiguous;
  } else {
    match.label_id = match.nearest_id;
  }
  return match;
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
  }
  return "";
}

Gallery::Gallery(Metric metric, std::string weights_sha256)
    : metric_(metric), weights_sha256_(std::move(weights_sha256)) {}

void Gallery::add(const std::string& name, const Embedding& embedding) {
  check_name(name);
  if (!std::all_of(embedding.begin(), embedding.end(), [](float value) { return std::isfinite(value); })) {
    throw Error(ErrorCode::InvalidArgument, "embedding of '" + name + "' has values that are not finite");
  }
  const auto [found, is_new] = ids_.emplace(name, static_cast<std::int64_t>(names_.size()));
  if (is_new) names_.push_back(name);
  identities_.push_back(found->second);
  embeddings_.insert(embeddings_.end(), embedding.begin(), embedding.end());
}

std::size_t Gallery::remove(const std::string& name) {
  const auto found = ids_.find(name);
  if (found == ids_.end()) return 0;
  const std::int64_t gone = found->second;
  std::size_t kept = 0;
  const std::size_t before = rows();
  for (std::size_t r = 0; r < before; ++r) {
    if (identities_[r] == gone) continue;
    identities_[kept] = identities_[r] > gone ? identities_[r] - 1 : identities_[r];
    std::copy_n(row(r), kEmbeddingDim, embeddings_.data() + kept * kEmbeddingDim);
    ++kept;
  }
  identities_.resize(kept);
  embeddings_.resize(kept * kEmbeddingDim);
  names_.erase(names_.begin() + static_cast<std::ptrdiff_t>(gone));
  ids_.erase(found);
  for (auto& [ignored, id] : ids_) {
    if (id > gone) --id;
  }
  return before - kept;
}

const std::string& Gallery::name(std::int64_t label_id) const {
  static const std::string none;
  if (label_id < 0 || label_id >= static_cast<std::int64_t>(names_.size())) return none;
  return names_[static_cast<std::size_t>(label_id)];
}

std::size_t Gallery::rows_of(std::int64_t label_id) const noexcept {
  return static_cast<std::size_t>(std::count(identities_.begin(), identities_.end(), label_id));
}

void Gallery::match(const Embedding* queries, std::size_t count, const MatchOptions& options,
                    Match* out) const {
  if (options.k < 1 || options.k > 1024) throw Error(ErrorCode::InvalidArgument, "k: 1 to 1024 expected");
  std::vector<float> distance(rows());
  for (std::size_t q = 0; q < count; ++q) {
    distances(options.metric, queries[q].data(), embeddings_.data(), rows(), distance.data());
    out[q] = decide(distance, identities_, options);
  }
}

Match Gallery::match(const Embedding& query, const MatchOptions& options) const {
  Match result;
  match(&query, 1, options, &result);
  return result;
}

}  // namespace embed
