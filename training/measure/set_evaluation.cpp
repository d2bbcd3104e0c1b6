// SPDX-License-Identifier: LGPL-2.1-or-later
#include "measure/set_evaluation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <queue>

#include "base/rng.h"
#include "measure/embedding_rows.h"

namespace training {

namespace {

constexpr std::uint64_t kMapStream = 61;
constexpr std::size_t kMostImpostors = 20'000'000;
/// Impostor pairs that are resampled: enough for rates down to 1e-3.
constexpr std::size_t kResampledImpostors = 200'000;
constexpr int kCurvePoints = 160;   // From 1e-4 to 1.
constexpr std::size_t kSpare = 16;  // Candidates for each place of a list of pairs.
constexpr float kFar = std::numeric_limits<float>::infinity();

/// The pairs with the smallest keys, seen one by one.
class Smallest {
 public:
  explicit Smallest(std::size_t most) : most_(most) {}
  void add(float key, const RowPair& pair) {
    if (most_ == 0 || (heap_.size() == most_ && !(key < heap_.top().key))) return;
    heap_.push({key, pair});
    if (heap_.size() > most_) heap_.pop();
  }
  /// Smallest key first, of equal ones the lower rows; no row in more than `times` of them.
  std::vector<RowPair> best(std::size_t count, std::size_t times) {
    std::vector<RowPair> all;
    for (; !heap_.empty(); heap_.pop()) all.push_back(heap_.top().pair);
    std::reverse(all.begin(), all.end());
    std::map<std::uint32_t, std::size_t> seen;
    std::vector<RowPair> kept;
    for (const RowPair& pair : all) {
      if (kept.size() == count) break;
      if (seen[pair.first] >= times || seen[pair.second] >= times) continue;
      ++seen[pair.first];
      ++seen[pair.second];
      kept.push_back(pair);
    }
    return kept;
  }

 private:
  struct Entry {
    float key;
    RowPair pair;
    bool operator<(const Entry& other) const {
      if (key != other.key) return key < other.key;
      return pair.first != other.pair.first ? pair.first < other.pair.first : pair.second < other.pair.second;
    }
  };
  std::size_t most_;
  std::priority_queue<Entry> heap_;
};

/// What one row has nearest.
struct Nearest {
  float own = kFar, other = kFar;  // Distances of the nearest row of the same and of another identity.
  std::uint32_t other_row = 0;
  void see(bool same, float distance, std::size_t row) {
    if (same) {
      own = std::min(own, distance);
    } else if (distance < other) {
      other = distance;
      other_row = static_cast<std::uint32_t>(row);
    }
  }
  bool mistaken() const { return other <= own; }
};

/// Neighbours and the worst pairs, in one walk over all pairs.
std::vector<Nearest> walk(const LabelledEmbeddings& set, const SetEvaluationOptions& options,
                          SetEvaluation& result) {
  Smallest nearest_impostors(options.worst * kSpare), farthest_genuine(options.worst * kSpare);
  std::vector<Nearest> nearest(set.values.size());
  for_each_pair(
      set, options.metric, std::numeric_limits<std::size_t>::max(), options.seed,
      [&](std::size_t i, std::size_t j, float distance) {
        const bool same = set.labels[i] == set.labels[j];
        nearest[i].see(same, distance, j);
        nearest[j].see(same, distance, i);
        const RowPair pair = {distance, static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(j)};
        if (same) {
          farthest_genuine.add(-distance, pair);
        } else {
          nearest_impostors.add(distance, pair);
        }
      });
  result.false_matches = nearest_impostors.best(options.worst, options.times);
  result.misses = farthest_genuine.best(options.worst, options.times);
  return nearest;
}

std::uint32_t label_of(const LabelledEmbeddings& set, std::size_t row) {
  return static_cast<std::uint32_t>(set.labels[row]);
}

/// Every pair of identities in which one is some picture's nearest stranger.
std::vector<ConfusedPair> confused_pairs(const LabelledEmbeddings& set, const std::vector<Nearest>& nearest) {
  std::map<std::pair<std::uint32_t, std::uint32_t>, ConfusedPair> pairs;
  for (std::size_t i = 0; i < nearest.size(); ++i) {
    if (nearest[i].other == kFar) continue;
    const std::uint32_t own = label_of(set, i), other = label_of(set, nearest[i].other_row);
    const auto key = std::minmax(own, other);
    ConfusedPair& pair =
        pairs.try_emplace(key, ConfusedPair{key.first, key.second, 0, 0, kFar}).first->second;
    pair.nearest = std::min(pair.nearest, nearest[i].other);
    if (nearest[i].own == kFar || !nearest[i].mistaken()) continue;
    ++(own == key.first ? pair.first_as_second : pair.second_as_first);
  }
  std::vector<ConfusedPair> result;
  for (const auto& [key, pair] : pairs) result.push_back(pair);
  std::stable_sort(result.begin(), result.end(), [](const ConfusedPair& a, const ConfusedPair& b) {
    const std::uint32_t mistakes_a = a.first_as_second + a.second_as_first;
    const std::uint32_t mistakes_b = b.first_as_second + b.second_as_first;
    return mistakes_a != mistakes_b ? mistakes_a > mistakes_b : a.nearest < b.nearest;
  });
  return result;
}

/// The identities of the table: all, or those of the first pairs.
std::vector<std::uint32_t> chosen_identities(const std::vector<ConfusedPair>& pairs, std::size_t identities,
                                             const SetEvaluationOptions& options) {
  std::vector<std::uint32_t> chosen;
  if (identities <= options.whole_table) {
    chosen.resize(identities);
    std::iota(chosen.begin(), chosen.end(), 0U);
    return chosen;
  }
  for (const ConfusedPair& pair : pairs) {
    for (const std::uint32_t identity : {pair.first, pair.second}) {
      if (chosen.size() < options.cut_table &&
          std::find(chosen.begin(), chosen.end(), identity) == chosen.end())
        chosen.push_back(identity);
    }
  }
  return chosen;
}

Confusion confusion_of(const LabelledEmbeddings& set, const std::vector<Nearest>& nearest,
                       std::size_t identities, const SetEvaluationOptions& options) {
  Confusion result;
  result.pairs = confused_pairs(set, nearest);
  result.identities = chosen_identities(result.pairs, identities, options);
  const std::size_t places = result.identities.size();
  constexpr std::size_t kNoPlace = std::numeric_limits<std::size_t>::max();
  std::vector<std::size_t> place(identities, kNoPlace);
  for (std::size_t m = 0; m < places; ++m) place[result.identities[m]] = m;
  result.counts.assign(places, std::vector<std::uint32_t>(places, 0));
  result.elsewhere.assign(places, 0);
  for (std::size_t i = 0; i < nearest.size(); ++i) {
    if (nearest[i].own == kFar) continue;
    ++result.asked;
    const bool mistaken = nearest[i].mistaken();
    result.right += mistaken ? 0 : 1;
    const std::size_t row = place[label_of(set, i)];
    if (row == kNoPlace) continue;
    const std::size_t column = mistaken ? place[label_of(set, nearest[i].other_row)] : row;
    ++(column == kNoPlace ? result.elsewhere[row] : result.counts[row][column]);
  }
  result.pairs.resize(std::min(result.pairs.size(), options.confused));
  return result;
}

Histogram histogram_of(const std::vector<float>& genuine, const std::vector<float>& impostor,
                       std::size_t bins) {
  Histogram result;
  for (const std::vector<float>* list : {&genuine, &impostor})
    result.high = std::max(result.high, static_cast<double>(*std::max_element(list->begin(), list->end())));
  if (!(result.high > 0)) result.high = 1;
  const auto fill = [&](const std::vector<float>& distances) {
    std::vector<std::size_t> counts(bins, 0);
    for (const float distance : distances) {
      const auto bin = static_cast<std::size_t>(distance / result.high * static_cast<double>(bins));
      ++counts[std::min(bin, bins - 1)];
    }
    return counts;
  };
  result.genuine = fill(genuine);
  result.impostor = fill(impostor);
  return result;
}

std::size_t accepted(const std::vector<float>& distances, float threshold) {
  return static_cast<std::size_t>(
      std::count_if(distances.begin(), distances.end(), [&](float d) { return d <= threshold; }));
}

void measure_pairs(const LabelledEmbeddings& set, const SetEvaluationOptions& options,
                   SetEvaluation& result) {
  auto [genuine, impostor] = all_pairs(set, options.metric, kMostImpostors, options.seed);
  std::vector<double> rates;
  for (int i = 0; i <= kCurvePoints; ++i) {
    const double rate = std::pow(10.0, -4 + 4.0 * i / kCurvePoints);
    if (is_measurable(rate, impostor.size())) rates.push_back(std::min(1.0, rate));
  }
  result.curve = roc(genuine, impostor, rates).tar_at_far;
  result.histogram = histogram_of(genuine, impostor, options.bins);
  if (options.threshold) {
    const auto near = static_cast<double>(accepted(genuine, *options.threshold));
    const auto wrong = static_cast<double>(accepted(impostor, *options.threshold));
    const auto all_near = static_cast<double>(genuine.size()), all_far = static_cast<double>(impostor.size());
    result.tar = near / all_near;
    result.far = wrong / all_far;
    result.accuracy = (near + all_far - wrong) / (all_near + all_far);
  }
  result.roc = roc(std::move(genuine), std::move(impostor));
}

void add_intervals(const LabelledEmbeddings& set, std::size_t identities, const SetEvaluationOptions& options,
                   SetEvaluation& result) {
  if (options.resamples == 0) return;
  std::vector<double> fars;
  for (const Roc::Point& point : result.roc.tar_at_far) fars.push_back(point.far);
  result.intervals =
      bootstrap(sampled_pairs(set, options.metric, kResampledImpostors, options.seed), identities,
                options.threshold.value_or(0), fars, options.resamples, options.seed);
  result.accuracy_interval = options.threshold.has_value() && result.roc.impostor <= kResampledImpostors;
}

void add_map(const LabelledEmbeddings& set, const SetEvaluationOptions& options, SetEvaluation& result) {
  std::vector<std::uint32_t> rows(set.values.size());
  std::iota(rows.begin(), rows.end(), 0U);
  if (rows.size() > options.mapped) {
    Rng(options.seed, {kMapStream}).shuffle(rows);
    rows.resize(options.mapped);
    std::sort(rows.begin(), rows.end());
  }
  result.mapped = rows;
  const Rows prepared(set, options.metric);
  std::vector<embed::Embedding> values;
  for (const std::uint32_t row : rows) values.push_back(prepared[row]);
  result.pca = pca(values);
  TsneOptions tsne_options;
  tsne_options.seed = options.seed;
  result.tsne = tsne(values, tsne_options);
}

}  // namespace

bool is_measurable(double rate, std::size_t impostors) {
  return rate * static_cast<double>(impostors) >= 1;
}

SetEvaluation evaluate_set(const LabelledEmbeddings& set, std::size_t identities,
                           const SetEvaluationOptions& options) {
  SetEvaluation result;
  result.metric = options.metric;
  result.threshold = options.threshold;
  measure_pairs(set, options, result);
  const std::vector<Nearest> nearest = walk(set, options, result);
  result.confusion = confusion_of(set, nearest, identities, options);
  add_intervals(set, identities, options, result);
  add_map(set, options, result);
  return result;
}

}  // namespace training
