// SPDX-License-Identifier: LGPL-2.1-or-later
#include "enrolment/doubts.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <map>
#include <set>

namespace enrolment {

namespace {

using embed::Embedding;
using embed::Gallery;
using Numbers = std::vector<std::size_t>;

constexpr float kNowhere = std::numeric_limits<float>::infinity();

Embedding row_of(const Gallery& gallery, std::size_t r) {
  Embedding row{};
  std::copy_n(gallery.row(r), row.size(), row.begin());
  return row;
}

/// The mean of rows; for the cosine, of rows that have been scaled to length 1.
Embedding mean_of(const Gallery& gallery, const Numbers& rows, std::size_t without) {
  std::array<double, embed::kEmbeddingDim> sum{};
  for (const std::size_t r : rows) {
    if (r == without) continue;
    const float* row = gallery.row(r);
    double squares = 0;
    for (std::size_t i = 0; i < sum.size(); ++i) squares += double{row[i]} * double{row[i]};
    const bool cosine = gallery.metric() == embed::Metric::Cosine && squares > 0;
    const double scale = cosine ? 1 / std::sqrt(squares) : 1;
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += scale * double{row[i]};
  }
  Embedding mean{};
  for (std::size_t i = 0; i < sum.size(); ++i)
    mean[i] = static_cast<float>(sum[i] / static_cast<double>(rows.size() - 1));
  return mean;
}

struct Nearest {
  std::size_t row = 0;
  float distance = kNowhere;
};

Nearest nearest_of(const Gallery& gallery, const Embedding& query, const Numbers& rows, std::size_t without) {
  Nearest nearest;
  for (const std::size_t r : rows) {
    if (r == without) continue;
    const float distance = embed::distance(gallery.metric(), query, row_of(gallery, r));
    if (distance < nearest.distance) nearest = {r, distance};
  }
  return nearest;
}

/// A doubt, and how much nearer the row is to where it should not be than to where it should.
struct Judged {
  Doubt doubt;
  float blame = 0;
};

class Judge {
 public:
  Judge(const Gallery& gallery, const Numbers& looked_at, float threshold, float apart)
      : gallery_(gallery), looked_at_(looked_at), threshold_(threshold), apart_(apart) {}

  std::vector<Judged> judge() {
    std::vector<Embedding> queries;
    for (const std::size_t r : looked_at_) queries.push_back(row_of(gallery_, r));
    embed::MatchOptions options;
    options.metric = gallery_.metric();
    matches_.resize(queries.size());
    gallery_.match(queries.data(), queries.size(), options, matches_.data());
    note_people();
    std::vector<Judged> found;
    for (std::size_t i = 0; i < queries.size(); ++i) judge(looked_at_[i], queries[i], matches_[i], found);
    return found;
  }

 private:
  struct Other {
    std::int64_t who = -1;
    float distance = kNowhere;
  };
  Other other_of(const embed::Match& match, std::int64_t own) const {
    if (match.nearest_id != own) return {match.nearest_id, match.distance};
    return {match.runner_up_id, match.runner_up_distance};
  }

  /// The rows of everybody whom a row is compared with.
  void note_people() {
    std::set<std::int64_t> wanted;
    for (std::size_t i = 0; i < looked_at_.size(); ++i) {
      const std::int64_t own = gallery_.identity(looked_at_[i]);
      wanted.insert({own, other_of(matches_[i], own).who});
    }
    for (std::size_t r = 0; r < gallery_.rows(); ++r)
      if (wanted.count(gallery_.identity(r)) != 0) rows_[gallery_.identity(r)].push_back(r);
  }

  void judge(std::size_t r, const Embedding& query, const embed::Match& match, std::vector<Judged>& found) {
    const std::int64_t who = gallery_.identity(r);
    const Numbers& rows = rows_[who];
    const Nearest own = nearest_of(gallery_, query, rows, r);
    float to_own = own.distance;
    if (rows.size() > 2)
      to_own = std::min(to_own, embed::distance(gallery_.metric(), query, mean_of(gallery_, rows, r)));
    const Other other = other_of(match, who);
    if (other.who >= 0 && other.distance <= threshold_) {
      const Nearest there = nearest_of(gallery_, query, rows_[other.who], r);
      // A person's only row is judged by the other one's alone.
      const float blame = to_own == kNowhere ? 0 : to_own - other.distance;
      found.push_back({{Doubt::Kind::NearAnother, r, there.row, other.distance, threshold_}, blame});
      return;
    }
    const bool earlier_of_two = rows.size() == 2 && r == rows.front();
    if (to_own == kNowhere || to_own <= apart_ || earlier_of_two) return;
    found.push_back({{Doubt::Kind::FarFromOwn, r, own.row, to_own, apart_}, to_own - apart_});
  }

  const Gallery& gallery_;
  const Numbers& looked_at_;
  float threshold_, apart_;
  std::vector<embed::Match> matches_;
  std::map<std::int64_t, Numbers> rows_;
};

std::string place_text(const Gallery& gallery, std::size_t r) {
  const std::string& source = gallery.enrolment(r).source;
  return gallery.name(gallery.identity(r)) + (source.empty() ? "" : " (" + source + ")");
}

}  // namespace

std::vector<Doubt> find_doubts(const Gallery& gallery, const Numbers& rows, float threshold, float apart) {
  if (rows.empty()) return {};
  std::vector<Judged> judged = Judge(gallery, rows, threshold, apart).judge();
  std::stable_sort(judged.begin(), judged.end(),
                   [](const Judged& a, const Judged& b) { return a.blame > b.blame; });
  std::vector<Doubt> doubts;
  std::set<std::size_t> doubted;
  for (const Judged& one : judged) {
    if (one.doubt.kind == Doubt::Kind::NearAnother && doubted.count(one.doubt.other) != 0) continue;
    doubted.insert(one.doubt.row);
    doubts.push_back(one.doubt);
  }
  return doubts;
}

std::string doubt_text(const Gallery& gallery, const Doubt& doubt) {
  char numbers[96];
  std::snprintf(numbers, sizeof numbers, ": distance %.3f, %.3f at %s expected",
                static_cast<double>(doubt.distance), static_cast<double>(doubt.limit),
                doubt.kind == Doubt::Kind::FarFromOwn ? "most" : "least");
  const std::string row = place_text(gallery, doubt.row), other = place_text(gallery, doubt.other);
  if (doubt.kind == Doubt::Kind::FarFromOwn)
    return row + " is far from the other rows of that name, the nearest of which is " + other + numbers;
  return row + " is within the threshold of " + other + numbers;
}

}  // namespace enrolment
