// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gallery/check_people.h"

#include <algorithm>
#include <set>
#include <utility>

#include "embed/parallel.h"
#include "gallery/check_rows.h"

namespace gallery_tool {

namespace {

using embed::Embedding;
using embed::Gallery;
using Numbers = std::vector<std::size_t>;

std::size_t farthest_from(const Gallery& gallery, const Embedding& place, const Numbers& rows) {
  std::size_t farthest = rows.front();
  float most = -1;
  for (const std::size_t r : rows) {
    const float distance = embed::distance(gallery.metric(), place, row_of(gallery, r));
    if (distance <= most) continue;
    most = distance;
    farthest = r;
  }
  return farthest;
}

/// Two groups by k-means, which begins with a row that is far from the mean, and one that is far from that.
std::pair<Numbers, Numbers> two_groups(const Gallery& gallery, const Numbers& rows) {
  constexpr int kRounds = 8;
  Embedding a = row_of(gallery, farthest_from(gallery, mean_of(gallery, rows), rows));
  Embedding b = row_of(gallery, farthest_from(gallery, a, rows));
  std::pair<Numbers, Numbers> groups;
  for (int round = 0; round < kRounds; ++round) {
    std::pair<Numbers, Numbers> next;
    for (const std::size_t r : rows) {
      const Embedding row = row_of(gallery, r);
      const bool to_a =
          embed::distance(gallery.metric(), a, row) <= embed::distance(gallery.metric(), b, row);
      (to_a ? next.first : next.second).push_back(r);
    }
    const bool settled = next == groups;
    groups = std::move(next);
    if (settled || groups.first.empty() || groups.second.empty()) break;
    a = mean_of(gallery, groups.first);
    b = mean_of(gallery, groups.second);
  }
  return groups;
}

/// Whether a name holds two people; `who` stays −1 where it does not. A group of one row is a row that is far
/// from its person, which is another finding.
TwoPeople split(const Gallery& gallery, std::int64_t who, const PeopleRows::Rows& rows, float apart) {
  TwoPeople found;
  if (rows.size() < 4) return found;
  auto [fewer, more] = two_groups(gallery, {rows.begin(), rows.end()});
  if (fewer.size() > more.size()) std::swap(fewer, more);
  if (fewer.size() < 2) return found;
  const float distance = embed::distance(gallery.metric(), mean_of(gallery, fewer), mean_of(gallery, more));
  if (distance > apart) found = {who, std::move(fewer), more.size(), distance};
  return found;
}

void look_at_each(const Gallery& gallery, const PeopleRows& people, float apart, PeopleFindings& findings) {
  const std::size_t count = gallery.names().size();
  std::vector<TwoPeople> splits(count);
  embed::for_each_block(count, 16, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      const auto who = static_cast<std::int64_t>(i);
      splits[i] = split(gallery, who, people.of(who), apart);
    }
  });
  for (std::size_t i = 0; i < count; ++i) {
    if (splits[i].who >= 0) findings.two.push_back(std::move(splits[i]));
    Weak weak{static_cast<std::int64_t>(i), people.of(static_cast<std::int64_t>(i)).size(), std::nullopt};
    for (const std::size_t r : people.of(weak.who)) {
      const std::optional<float>& quality = gallery.enrolment(r).quality;
      if (quality) weak.best_quality = std::max(weak.best_quality.value_or(0), *quality);
    }
    if (weak.rows < kFewRows) findings.few.push_back(weak);
    if (weak.best_quality && *weak.best_quality < kPoorQuality) findings.poor.push_back(weak);
  }
}

/// A gallery of the people's means, in which the label ids are the same.
Gallery means_of(const Gallery& gallery, const PeopleRows& people) {
  Gallery means(gallery.metric());
  for (std::size_t i = 0; i < gallery.names().size(); ++i) {
    const PeopleRows::Rows rows = people.of(static_cast<std::int64_t>(i));
    means.add(gallery.names()[i], mean_of(gallery, {rows.begin(), rows.end()}));
  }
  return means;
}

void look_at_pairs(const Gallery& means, float threshold, PeopleFindings& findings) {
  constexpr std::size_t kAtOnce = 256;
  const std::size_t count = means.rows(), sample = sample_size(count, count);
  findings.looked_at = sample;
  std::set<std::pair<std::int64_t, std::int64_t>> told;
  std::vector<embed::Match> matches(kAtOnce);
  for (std::size_t first = 0; first < sample; first += kAtOnce) {
    std::vector<Embedding> queries;
    std::vector<std::int64_t> who;
    for (std::size_t i = first; i < std::min(first + kAtOnce, sample); ++i) {
      who.push_back(static_cast<std::int64_t>(i * count / sample));
      queries.push_back(row_of(means, static_cast<std::size_t>(who.back())));
    }
    embed::MatchOptions options;
    options.metric = means.metric();
    means.match(queries.data(), queries.size(), options, matches.data());
    for (std::size_t i = 0; i < who.size(); ++i) {
      const bool self_first = matches[i].nearest_id == who[i];
      const std::int64_t other = self_first ? matches[i].runner_up_id : matches[i].nearest_id;
      const float distance = self_first ? matches[i].runner_up_distance : matches[i].distance;
      if (other < 0 || distance > threshold) continue;
      const auto [a, b] = std::minmax(who[i], other);
      if (told.emplace(a, b).second) findings.same.push_back({a, b, distance});
    }
  }
}

}  // namespace

PeopleFindings check_people(const Gallery& gallery, const PeopleRows& people, float threshold, float apart) {
  PeopleFindings findings;
  look_at_each(gallery, people, apart, findings);
  if (gallery.names().size() > 1) look_at_pairs(means_of(gallery, people), threshold, findings);
  std::stable_sort(findings.same.begin(), findings.same.end(),
                   [](const SamePerson& a, const SamePerson& b) { return a.distance < b.distance; });
  std::stable_sort(findings.two.begin(), findings.two.end(),
                   [](const TwoPeople& a, const TwoPeople& b) { return a.distance > b.distance; });
  return findings;
}

}  // namespace gallery_tool
