// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <vector>

#include "embed/far_table.h"
#include "embed/strangers.h"

namespace embed::identity {

/// A track by the stream that it is of; stream 0 is that of tracks from a file.
struct TrackKey {
  std::uint64_t stream = 0;
  int track = 0;
  bool operator<(const TrackKey& other) const noexcept {
    return stream != other.stream ? stream < other.stream : track < other.track;
  }
  bool operator==(const TrackKey& other) const noexcept {
    return stream == other.stream && track == other.track;
  }
};

struct Member {
  TrackKey key;
  Embedding mean{};          // As StrangerSighting::mean.
  float weight = 0;          // Of the mean.
  std::uint64_t looks = 1;   // Embeddings in it.
  std::int64_t first = 0;    // UTC, milliseconds.
  std::int64_t last = 0;     // As `first`, ≥ it.
  std::uint32_t camera = 0;  // Index into the store's cameras.
};

struct Group {
  std::uint64_t number = 0;
  std::vector<Member> members;  // One or more.
  Embedding mean{};             // Of the members' means.
  float length = 0;             // Of `mean`.
};

/// The grouping of Strangers by itself, without locks, files or clocks. One thread at a time.
class StrangerGroups {
 public:
  static constexpr std::size_t kMostMembers = 16;

  /// `metric`: Cosine, or L2 or SquaredL2, which follow from it for vectors of length 1.
  StrangerGroups(FarTable table, Metric metric, const StrangersOptions& options);

  /// As Strangers::see; `camera` is for the history. Forgets what has expired by then, once a minute.
  std::uint64_t see(const StrangerSighting& sighting, std::uint32_t camera);
  /// Of the track's group; 0 for none.
  std::uint64_t number(const TrackKey& key) const;
  void withdraw(const TrackKey& key);
  void close_stream(std::uint64_t stream);
  /// Forgets members that were last seen before that time, and groups without any.
  void forget_before(std::int64_t time);
  /// Removes a group that is there.
  void remove(std::uint64_t number);

  const std::vector<Group>& all() const noexcept { return groups_; }  ///< By their numbers, ascending.
  /// Also by the number of a group that was joined to it; null where there is none.
  const Group* find(std::uint64_t number) const;

  /// Numbers that were joined to others: from, to. At most 4,096, those with the highest numbers.
  const std::map<std::uint64_t, std::uint64_t>& joined() const noexcept { return joined_; }
  std::uint64_t last_number() const noexcept { return last_number_; }
  /// Takes what a file holds in the place of what there is: groups by ascending numbers up to `last_number`.
  void restore(std::vector<Group> groups, std::map<std::uint64_t, std::uint64_t> joined,
               std::uint64_t last_number);

  const StrangersStats& counts() const noexcept { return counts_; }
  /// Grows with each change that a file would show, but for the times of the tracks.
  std::uint64_t revision() const noexcept { return revision_; }
  void touch() noexcept { ++revision_; }

 private:
  struct Live {
    std::uint64_t number = 0;  // Of its group.
    float considered = 0;      // The weight at which its mean was looked at last.
    std::int64_t last = 0;
  };
  struct Near {
    std::size_t index = 0;  // Into groups_.
    float distance = std::numeric_limits<float>::infinity();
  };

  /// The threshold for so many vectors, as cosine distance.
  float threshold(std::size_t vectors) const;
  float joining_distance() const;
  Group* group(std::uint64_t number);
  /// The group nearest to the mean of `members` within `limit` that may hold all of them; distance +inf where
  /// there is none.
  Near nearest(const Embedding& mean, const std::vector<Member>& members, float limit,
               std::uint64_t except) const;
  std::uint64_t consider(const StrangerSighting& sighting, std::uint32_t camera);
  bool leaves(const Group& group, const Member& member) const;
  std::uint64_t place(const Member& member);
  std::uint64_t open(const Member& member);
  std::uint64_t join_alike(std::uint64_t number);
  void merge(std::size_t older, std::size_t younger);
  void take_out(std::uint64_t number, const TrackKey& key);
  void erase(std::size_t index);
  static void renew(Group& group);
  void bound_live();

  FarTable table_;
  Metric metric_;
  StrangersOptions options_;
  float leaving_distance_;
  std::vector<Group> groups_;
  std::map<TrackKey, Live> live_;
  std::map<std::uint64_t, std::uint64_t> joined_;
  std::uint64_t last_number_ = 0;
  std::uint64_t revision_ = 0;
  std::int64_t next_expiry_ = 0;
  StrangersStats counts_;
};

/// Milliseconds.
std::int64_t retention_of(const StrangersOptions& options) noexcept;

/// The mean of the members' means, each weighted by its weight up to a bound.
Embedding mean_of(const std::vector<Member>& members);

/// How far apart two means of embeddings of length 1 are, as cosine distance that a threshold for single
/// embeddings may judge; `a_length` and `b_length` are their lengths, above 0. A mean is nearer to everybody
/// than the embeddings are that it is made of. Their mean cosine would be that of the means times both
/// lengths, which refuses too much; times the root of both it accepts strangers as often as with single
/// embeddings (docs/decisions/0006).
float apart(const Embedding& a, float a_length, const Embedding& b, float b_length) noexcept;

}  // namespace embed::identity
