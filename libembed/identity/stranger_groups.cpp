// SPDX-License-Identifier: LGPL-2.1-or-later
#include "identity/stranger_groups.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "base/distance_kernels.h"

namespace embed::identity {
namespace {

// The threshold is that of so many groups from the start. Else the first tracks of a day would be joined at
// distances at which later ones stay apart, and what was joined stays so.
constexpr std::size_t kFewestVectors = 32;
// A track's mean is looked at again when its weight has grown by this factor: 13 times in its first hundred
// embeddings, and never at the cost of a search for each of them.
constexpr float kGrowth = 1.25F;
// More weight of one track says nothing new of the person: its embeddings share light, pose and glasses.
constexpr float kFullWeight = 20;
constexpr std::int64_t kExpiryPause = 60'000;  // Milliseconds.
constexpr std::size_t kMostLive = 16'384;
constexpr std::size_t kMostJoined = 4096;
// A mean is at most as long as what it is made of, but for rounding. One of embeddings that have nothing in
// common has no direction that says anything.
constexpr float kLongest = 1.01F;
constexpr float kShortest = 0.1F;

/// Whether both were in one stream at one time, so that they are two people.
bool together(const Member& a, const Member& b) {
  return a.key.stream != 0 && a.key.stream == b.key.stream && a.key.track != b.key.track &&
         a.first <= b.last && b.first <= a.last;
}

bool together(const std::vector<Member>& some, const std::vector<Member>& others) {
  return std::any_of(some.begin(), some.end(), [&](const Member& a) {
    return std::any_of(others.begin(), others.end(), [&](const Member& b) { return together(a, b); });
  });
}

std::vector<Member>::iterator find_member(Group& group, const TrackKey& key) {
  return std::find_if(group.members.begin(), group.members.end(),
                      [&](const Member& member) { return member.key == key; });
}

/// Adds a member, in the place of the lightest where there is no room.
void add_member(Group& group, const Member& member) {
  group.members.push_back(member);
  if (group.members.size() <= StrangerGroups::kMostMembers) return;
  group.members.erase(std::min_element(group.members.begin(), group.members.end(),
                                       [](const Member& a, const Member& b) { return a.weight < b.weight; }));
}

bool usable(const StrangerSighting& sighting) {
  const float length = norm(sighting.mean.data());
  return length >= kShortest && length <= kLongest && std::isfinite(sighting.weight) && sighting.track != 0;
}

}  // namespace

std::int64_t retention_of(const StrangersOptions& options) noexcept {
  constexpr double kMillisecondsADay = 24.0 * 60 * 60 * 1000;
  return static_cast<std::int64_t>(std::min(options.retention_days * kMillisecondsADay, 1e15));
}

Embedding mean_of(const std::vector<Member>& members) {
  Embedding mean{};
  float sum = 0;
  for (const Member& member : members) sum += std::min(member.weight, kFullWeight);
  for (const Member& member : members) {
    const float share = std::min(member.weight, kFullWeight) / sum;
    for (std::size_t i = 0; i < kEmbeddingDim; ++i) mean[i] += share * member.mean[i];
  }
  return mean;
}

float apart(const Embedding& a, float a_length, const Embedding& b, float b_length) noexcept {
  return 1 - dot(a.data(), b.data()) / std::sqrt(a_length * b_length);
}

StrangerGroups::StrangerGroups(FarTable table, Metric metric, const StrangersOptions& options)
    : table_(std::move(table)), metric_(metric), options_(options), leaving_distance_(threshold(1)) {}

float StrangerGroups::threshold(std::size_t vectors) const {
  const float distance = table_.threshold(options_.far, vectors);
  // Of vectors of length 1 the squared distance is twice the cosine's.
  if (metric_ == Metric::SquaredL2) return distance / 2;
  return metric_ == Metric::L2 ? distance * distance / 2 : distance;
}

void StrangerGroups::renew(Group& group) {
  group.mean = mean_of(group.members);
  group.length = std::max(norm(group.mean.data()), kShortest);
}

float StrangerGroups::joining_distance() const {
  return threshold(std::max(kFewestVectors, groups_.size()));
}

Group* StrangerGroups::group(std::uint64_t number) {
  const auto found = std::lower_bound(groups_.begin(), groups_.end(), number,
                                      [](const Group& each, std::uint64_t n) { return each.number < n; });
  return found != groups_.end() && found->number == number ? &*found : nullptr;
}

const Group* StrangerGroups::find(std::uint64_t number) const {
  for (auto next = joined_.find(number); next != joined_.end(); next = joined_.find(number))
    number = next->second;  // Each step is to a lower number.
  return const_cast<StrangerGroups*>(this)->group(number);
}

StrangerGroups::Near StrangerGroups::nearest(const Embedding& mean, const std::vector<Member>& members,
                                             float limit, std::uint64_t except) const {
  Near near;
  const float length = std::max(norm(mean.data()), kShortest);
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    if (groups_[i].number == except) continue;
    const float distance = apart(mean, length, groups_[i].mean, groups_[i].length);
    if (distance <= limit && distance < near.distance && !together(members, groups_[i].members))
      near = {i, distance};
  }
  return near;
}

std::uint64_t StrangerGroups::see(const StrangerSighting& sighting, std::uint32_t camera) {
  const TrackKey key{sighting.stream, sighting.track};
  const bool enough = sighting.looks >= options_.least_looks &&
                      sighting.weight >= options_.least_quality * static_cast<float>(sighting.looks) &&
                      usable(sighting);
  const auto known = live_.find(key);
  if (known != live_.end()) {
    Live& live = known->second;
    live.last = std::max(live.last, sighting.time);
    Group& own = *group(live.number);
    const auto member = find_member(own, key);
    if (member != own.members.end()) member->last = std::max(member->last, sighting.time);
    const bool grown = sighting.weight >= kGrowth * live.considered;
    if (!enough || !(grown || sighting.weight < live.considered)) return live.number;
  }
  if (!enough) return 0;
  if (sighting.time >= next_expiry_) {
    forget_before(sighting.time - retention_of(options_));
    next_expiry_ = sighting.time + kExpiryPause;
  }
  return consider(sighting, camera);
}

std::uint64_t StrangerGroups::consider(const StrangerSighting& sighting, std::uint32_t camera) {
  const TrackKey key{sighting.stream, sighting.track};
  Live& live = live_[key];
  const bool begun_anew = sighting.weight < live.considered;
  live.considered = sighting.weight;
  live.last = std::max(live.last, sighting.time);
  ++revision_;
  Member member{key, sighting.mean, sighting.weight, sighting.looks, sighting.time, sighting.time, camera};
  Group* own = live.number != 0 ? group(live.number) : nullptr;
  if (own == nullptr) {
    const std::uint64_t number = place(member);
    bound_live();
    return number;
  }
  const auto known = find_member(*own, key);
  if (known == own->members.end()) {
    // Its group has sixteen heavier ones by now. What it was until now is theirs; what it is now may not be.
    return begun_anew ? place(member) : live.number;
  }
  if (begun_anew) {
    known->key = {};
    return place(member);
  }
  member.first = known->first;
  member.last = known->last;
  *known = member;
  if (leaves(*own, member)) {
    ++counts_.moved;
    take_out(own->number, key);
    return place(member);
  }
  renew(*own);
  return join_alike(own->number);
}

bool StrangerGroups::leaves(const Group& group, const Member& member) const {
  if (group.members.size() == 1) return false;
  Group others{0, {}, {}, 0};
  for (const Member& other : group.members)
    if (!(other.key == member.key)) others.members.push_back(other);
  renew(others);
  const float distance = apart(member.mean, norm(member.mean.data()), others.mean, others.length);
  const float joining = joining_distance();
  if (distance <= joining) return false;
  return distance > leaving_distance_ ||
         std::isfinite(nearest(member.mean, {member}, joining, group.number).distance);
}

std::uint64_t StrangerGroups::place(const Member& member) {
  const Near near = nearest(member.mean, {member}, joining_distance(), 0);
  if (!std::isfinite(near.distance)) return open(member);
  Group& group = groups_[near.index];
  add_member(group, member);
  renew(group);
  live_[member.key].number = group.number;
  return join_alike(group.number);
}

std::uint64_t StrangerGroups::open(const Member& member) {
  if (groups_.size() >= options_.most_groups) {
    const auto seen = [](const Group& group) {
      return std::max_element(group.members.begin(), group.members.end(),
                              [](const Member& a, const Member& b) { return a.last < b.last; })
          ->last;
    };
    const auto oldest = std::min_element(groups_.begin(), groups_.end(),
                                         [&](const Group& a, const Group& b) { return seen(a) < seen(b); });
    erase(static_cast<std::size_t>(oldest - groups_.begin()));
    ++counts_.dropped;
  }
  groups_.push_back({++last_number_, {member}, {}, 0});
  renew(groups_.back());
  live_[member.key].number = last_number_;
  ++counts_.opened;
  return last_number_;
}

std::uint64_t StrangerGroups::join_alike(std::uint64_t number) {
  while (true) {
    const Group& own = *group(number);
    const Near near = nearest(own.mean, own.members, joining_distance(), number);
    if (!std::isfinite(near.distance)) return number;
    const auto index = static_cast<std::size_t>(&own - groups_.data());
    number = std::min(number, groups_[near.index].number);
    merge(std::min(index, near.index), std::max(index, near.index));
  }
}

void StrangerGroups::merge(std::size_t older, std::size_t younger) {
  Group& into = groups_[older];
  Group& from = groups_[younger];
  for (const Member& member : from.members) add_member(into, member);
  renew(into);
  for (auto& [key, live] : live_)
    if (live.number == from.number) live.number = into.number;
  joined_[from.number] = into.number;
  if (joined_.size() > kMostJoined) joined_.erase(joined_.begin());
  groups_.erase(groups_.begin() + static_cast<std::ptrdiff_t>(younger));
  ++counts_.joined;
}

void StrangerGroups::take_out(std::uint64_t number, const TrackKey& key) {
  Group* own = group(number);
  if (own == nullptr) return;
  const auto member = find_member(*own, key);
  if (member == own->members.end()) return;
  own->members.erase(member);
  ++revision_;
  if (own->members.empty()) {
    erase(static_cast<std::size_t>(own - groups_.data()));
  } else {
    renew(*own);
  }
}

void StrangerGroups::erase(std::size_t index) {
  const std::uint64_t number = groups_[index].number;
  groups_.erase(groups_.begin() + static_cast<std::ptrdiff_t>(index));
  const auto drop = [](auto& from, auto unwanted) {
    for (auto it = from.begin(); it != from.end();)
      it = unwanted(it->second) ? from.erase(it) : std::next(it);
  };
  drop(live_, [number](const Live& live) { return live.number == number; });
  drop(joined_, [number](std::uint64_t to) { return to == number; });
  ++revision_;
}

std::uint64_t StrangerGroups::number(const TrackKey& key) const {
  const auto known = live_.find(key);
  return known != live_.end() ? known->second.number : 0;
}

void StrangerGroups::withdraw(const TrackKey& key) {
  const auto known = live_.find(key);
  if (known == live_.end()) return;
  const std::uint64_t number = known->second.number;
  live_.erase(known);
  take_out(number, key);
}

void StrangerGroups::close_stream(std::uint64_t stream) {
  const auto begin = live_.lower_bound({stream, std::numeric_limits<int>::min()});
  const auto end = live_.upper_bound({stream, std::numeric_limits<int>::max()});
  live_.erase(begin, end);
}

void StrangerGroups::forget_before(std::int64_t time) {
  for (std::size_t i = groups_.size(); i-- > 0;) {
    std::vector<Member>& members = groups_[i].members;
    const auto old = std::remove_if(members.begin(), members.end(),
                                    [time](const Member& member) { return member.last < time; });
    if (old == members.end()) continue;
    members.erase(old, members.end());
    ++revision_;
    if (members.empty()) {
      erase(i);
      ++counts_.expired;
    } else {
      renew(groups_[i]);
    }
  }
}

void StrangerGroups::remove(std::uint64_t number) {
  if (const Group* own = group(number)) erase(static_cast<std::size_t>(own - groups_.data()));
}

/// Ends the half of the live tracks that was seen longest ago, where there are too many; their streams have
/// most likely forgotten them.
void StrangerGroups::bound_live() {
  if (live_.size() <= kMostLive) return;
  std::vector<std::int64_t> times;
  for (const auto& [key, live] : live_) times.push_back(live.last);
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  std::size_t surplus = live_.size() / 2;
  for (auto it = live_.begin(); it != live_.end() && surplus > 0;) {
    const bool ends = it->second.last <= *middle;
    surplus -= ends ? 1 : 0;
    it = ends ? live_.erase(it) : std::next(it);
  }
}

void StrangerGroups::restore(std::vector<Group> groups, std::map<std::uint64_t, std::uint64_t> joined,
                             std::uint64_t last_number) {
  groups_ = std::move(groups);
  for (Group& each : groups_) renew(each);
  joined_ = std::move(joined);
  last_number_ = last_number;
  live_.clear();
}

}  // namespace embed::identity
