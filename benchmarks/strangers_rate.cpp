// SPDX-License-Identifier: LGPL-2.1-or-later
// Whether strangers are taken for each other as seldom as `far` says, and what grouping them costs.
//
// usage: strangers-rate WEIGHTS GALLERY…
//
// The galleries are made by `triplet-gallery enroll --folder --max-per-identity 40` of many people's
// photographs; people of two galleries are different ones. A track is the mean of 1, 2 or 4 photographs of a
// person. The first table says how often a newcomer is within the threshold of any of G other people's
// tracks, over the rate that was asked for, and how many pairs of tracks of one person are within it: with
// means scaled to length 1, and with the distance that strangers are grouped by. The second is of all tracks
// in a random order through embed::Strangers.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <map>
#include <numeric>
#include <random>
#include <set>
#include <vector>

#include "embed/error.h"
#include "embed/gallery.h"
#include "embed/model_info.h"
#include "embed/safetensors.h"
#include "embed/strangers.h"

namespace {

using embed::Embedding;

struct Track {
  int person = 0;
  Embedding mean{};
  float length = 0;
};

float dot(const Embedding& a, const Embedding& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0F);
}

std::vector<std::vector<Embedding>> read_people(int count, char** paths) {
  std::vector<std::vector<Embedding>> people;
  for (int i = 0; i < count; ++i) {
    const auto gallery = embed::Gallery::load(paths[i]);
    const std::size_t before = people.size();
    people.resize(before + gallery.names().size());
    for (std::size_t r = 0; r < gallery.rows(); ++r) {
      Embedding row;
      std::copy_n(gallery.row(r), row.size(), row.begin());
      people[before + static_cast<std::size_t>(gallery.identity(r))].push_back(row);
    }
  }
  return people;
}

/// Each photograph is in one track; what is left over is in none.
std::vector<Track> make_tracks(std::vector<std::vector<Embedding>> people, std::size_t photographs,
                               std::mt19937& random) {
  std::vector<Track> tracks;
  for (std::size_t person = 0; person < people.size(); ++person) {
    auto& rows = people[person];
    std::shuffle(rows.begin(), rows.end(), random);
    for (std::size_t first = 0; first + photographs <= rows.size(); first += photographs) {
      Track track;
      track.person = static_cast<int>(person);
      for (std::size_t r = first; r < first + photographs; ++r)
        for (std::size_t i = 0; i < track.mean.size(); ++i)
          track.mean[i] += rows[r][i] / static_cast<float>(photographs);
      track.length = std::sqrt(dot(track.mean, track.mean));
      tracks.push_back(track);
    }
  }
  return tracks;
}

float apart(const Track& a, const Track& b, bool scaled) {
  const float lengths = a.length * b.length;
  return 1 - dot(a.mean, b.mean) / (scaled ? lengths : std::sqrt(lengths));
}

/// The share of newcomers who are within the threshold of any of `groups` others, over `draws` draws.
double joined_rate(const std::vector<Track>& firsts, std::size_t groups, float threshold, bool scaled,
                   std::mt19937& random) {
  constexpr int kDraws = 60;
  std::vector<Track> order = firsts;
  std::size_t joined = 0, newcomers = 0;
  for (int draw = 0; draw < kDraws; ++draw) {
    std::shuffle(order.begin(), order.end(), random);
    const std::size_t end = std::min(order.size(), groups + 300);
    for (std::size_t n = groups; n < end; ++n, ++newcomers) {
      joined += std::any_of(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(groups),
                            [&](const Track& group) { return apart(order[n], group, scaled) <= threshold; });
    }
  }
  return static_cast<double>(joined) / static_cast<double>(newcomers);
}

double found_rate(const std::vector<Track>& tracks, float threshold, bool scaled) {
  std::size_t found = 0, pairs = 0;
  for (std::size_t a = 0; a < tracks.size(); ++a)  // The tracks of a person lie behind each other.
    for (std::size_t b = a + 1; b < tracks.size() && tracks[b].person == tracks[a].person; ++b, ++pairs)
      found += apart(tracks[a], tracks[b], scaled) <= threshold;
  return pairs > 0 ? static_cast<double>(found) / static_cast<double>(pairs) : 0;
}

void print_rates(const std::vector<Track>& tracks, std::size_t photographs, const embed::FarTable& table,
                 std::mt19937& random) {
  std::vector<Track> firsts;
  for (const Track& track : tracks)
    if (firsts.empty() || firsts.back().person != track.person) firsts.push_back(track);
  for (const std::size_t groups : {10U, 32U, 100U}) {
    for (const double far : {0.001, 0.01}) {
      const float threshold = table.threshold(far, groups);
      std::printf("| %zu | %zu | %zu | %g |", photographs, firsts.size(), groups, far);
      for (const bool scaled : {true, false})
        std::printf(" %.2f | %.1f %% |", joined_rate(firsts, groups, threshold, scaled, random) / far,
                    100 * found_rate(tracks, threshold, scaled));
      std::printf("\n");
    }
  }
}

double choose_two(std::size_t n) {
  return static_cast<double>(n) * static_cast<double>(n - 1) / 2;
}

void print_grouping(std::vector<Track> tracks, std::size_t photographs, const embed::ModelInfo& model,
                    std::mt19937& random) {
  std::shuffle(tracks.begin(), tracks.end(), random);
  embed::StrangersOptions options;
  options.most_groups = 65'536;
  embed::Strangers strangers(model, options);
  const auto stream = strangers.open_stream("");
  const auto start = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < tracks.size(); ++i)
    strangers.see(
        {stream, static_cast<int>(i + 1), tracks[i].mean, 10, 10, static_cast<std::int64_t>(10 * i)});
  const std::chrono::duration<double, std::micro> passed = std::chrono::steady_clock::now() - start;
  std::map<std::uint64_t, std::map<int, std::size_t>> groups;
  std::map<int, std::size_t> people;
  for (std::size_t i = 0; i < tracks.size(); ++i) {
    ++groups[strangers.number(stream, static_cast<int>(i + 1))][tracks[i].person];
    ++people[tracks[i].person];
  }
  double together = 0, right = 0, all = 0;
  for (const auto& [number, counts] : groups) {
    std::size_t size = 0;
    for (const auto& [person, count] : counts) size += count, right += choose_two(count);
    together += choose_two(size);
  }
  for (const auto& [person, count] : people) all += choose_two(count);
  std::printf("| %zu | %zu | %zu | %zu | %.4f | %.3f | %.1f |\n", photographs, tracks.size(), people.size(),
              groups.size(), right / std::max(1.0, together), right / std::max(1.0, all),
              passed.count() / static_cast<double>(tracks.size()));
}

int run(int argc, char** argv) {
  const embed::SafetensorsFile file(argv[1], embed::Contents::Header);
  const embed::ModelInfo model = embed::model_info_from_metadata(file.metadata(), file.path());
  const auto people = read_people(argc - 2, argv + 2);
  std::mt19937 random(1);
  std::map<std::size_t, std::vector<Track>> tracks;
  for (const std::size_t photographs : {1U, 2U, 4U})
    tracks[photographs] = make_tracks(people, photographs, random);
  std::printf(
      "| photographs a track | people | groups | far | scaled: × far | found | ours: × far | found |\n"
      "|---:|---:|---:|---:|---:|---:|---:|---:|\n");
  for (const auto& [photographs, of_them] : tracks)
    print_rates(of_them, photographs, model.far_table, random);
  std::printf(
      "\n| photographs a track | tracks | people | groups | precision | recall | µs a track |\n"
      "|---:|---:|---:|---:|---:|---:|---:|\n");
  for (const auto& [photographs, of_them] : tracks) print_grouping(of_them, photographs, model, random);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: strangers-rate WEIGHTS GALLERY…\n");
    return 2;
  }
  try {
    return run(argc, argv);
  } catch (const embed::Error& error) {
    std::fprintf(stderr, "strangers-rate: %s\n", error.what());
    return 1;
  }
}
