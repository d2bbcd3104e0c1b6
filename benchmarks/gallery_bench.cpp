// SPDX-License-Identifier: LGPL-2.1-or-later
// How fast galleries are searched, beside this machine's memory and beside FAISS, in one run and on the same
// threads (OMP_NUM_THREADS).
//
// usage: gallery-bench [--rows N] [--data faces|identities|uniform] [--runs N] [--no-faiss-flat] [--json]
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "embed/gallery.h"
#include "gallery_data.h"

#ifdef HAVE_FAISS
#include <faiss/IndexFlat.h>
#endif

namespace {

using embed::Gallery;
using embed::Match;
using embed::MatchOptions;
using embed::Metric;

struct Options {
  std::size_t rows = 1'000'000;
  std::string data = "identities";
  int runs = 15;
  bool faiss_flat = true;
  bool json = false;
};

constexpr std::size_t kBatch = 32;

class Results {
 public:
  explicit Results(bool json) : json_(json) {}
  ~Results() {
    if (json_) std::printf("%s}\n", first_ ? "{" : "");
  }
  Results(const Results&) = delete;
  Results& operator=(const Results&) = delete;

  void add(const std::string& name, double value, const char* unit) {
    if (json_) {
      std::printf("%s\"%s [%s]\": %.6g", first_ ? "{" : ", ", name.c_str(), unit, value);
    } else {
      std::printf("%-52s %12.4g %s\n", name.c_str(), value, unit);
    }
    std::fflush(stdout);
    first_ = false;
  }

 private:
  bool json_, first_ = true;
};

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// The median of several runs, after one that does not count.
double median_seconds(int runs, const std::function<void()>& work) {
  work();
  std::vector<double> times;
  for (int run = 0; run < runs; ++run) {
    const auto start = std::chrono::steady_clock::now();
    work();
    times.push_back(seconds_since(start));
  }
  std::nth_element(times.begin(), times.begin() + runs / 2, times.end());
  return times[static_cast<std::size_t>(runs) / 2];
}

std::size_t threads() {
  const char* text = std::getenv("OMP_NUM_THREADS");
  const long wanted = text != nullptr ? std::strtol(text, nullptr, 10) : 0;
  return wanted > 0 ? static_cast<std::size_t>(wanted) : std::thread::hardware_concurrency();
}

/// Bytes a second that all threads together read from memory.
double memory_bandwidth(int runs) {
  const std::size_t words = std::size_t{1} << 26;  // 512 MiB
  const std::vector<std::uint64_t> memory(words, 1);
  std::vector<std::uint64_t> sums(threads());
  const auto read = [&](std::size_t thread) {
    const std::size_t first = words / sums.size() * thread;
    std::uint64_t lanes[16] = {};
    for (std::size_t i = first; i < first + words / sums.size(); i += 16) {
      for (std::size_t lane = 0; lane < 16; ++lane) lanes[lane] += memory[i + lane];
    }
    for (const std::uint64_t lane : lanes) sums[thread] += lane;
  };
  const double seconds = median_seconds(runs, [&] {
    std::vector<std::thread> others;
    for (std::size_t t = 1; t < sums.size(); ++t) others.emplace_back(read, t);
    read(0);
    for (std::thread& other : others) other.join();
  });
  return static_cast<double>(words * sizeof(std::uint64_t)) / seconds;
}

Gallery gallery_of(const bench::GalleryData& data, std::size_t rows) {
  Gallery gallery;
  for (std::size_t r = 0; r < rows; ++r) {
    gallery.add("p" + std::to_string(r / data.rows_each), data.rows[r]);
  }
  return gallery;
}

MatchOptions by(Metric metric) {
  MatchOptions options;
  options.metric = metric;
  return options;
}

/// Seconds a query when `batch` come at a time, over all queries: what is warm for one is not for the next.
double seconds_a_query(const Gallery& gallery, const bench::GalleryData& data, Metric metric,
                       std::size_t batch, int runs) {
  std::vector<Match> out(batch);
  std::size_t next = 0;
  return median_seconds(runs,
                        [&] {
                          gallery.match(data.queries.data() + next, batch, by(metric), out.data());
                          next = (next + batch) % (data.queries.size() - batch + 1);
                        }) /
         static_cast<double>(batch);
}

void bench_small(const bench::GalleryData& data, int runs, Results& results) {
  const Gallery gallery = gallery_of(data, std::min<std::size_t>(data.rows.size(), 10'000));
  for (const Metric metric : {Metric::Cosine, Metric::L2, Metric::L1}) {
    const std::string name = std::string("10k rows, ") + to_string(metric);
    results.add(name + ", one query", 1e6 * seconds_a_query(gallery, data, metric, 1, 100 * runs), "us");
    results.add(name + ", batch of 32",
                1e3 * kBatch * seconds_a_query(gallery, data, metric, kBatch, 10 * runs), "ms");
  }
}

#ifdef HAVE_FAISS
void bench_faiss_flat(const bench::GalleryData& data, int runs, Results& results) {
  const auto rows = static_cast<std::int64_t>(data.rows.size());
  float distances[kBatch];
  std::int64_t labels[kBatch];
  faiss::IndexFlat flat(embed::kEmbeddingDim, faiss::METRIC_INNER_PRODUCT);
  flat.add(rows, data.rows.front().data());
  for (const auto metric : {faiss::METRIC_INNER_PRODUCT, faiss::METRIC_L2}) {
    flat.metric_type = metric;
    const double seconds = median_seconds(std::max(runs / 4, 1), [&] {
      flat.search(kBatch, data.queries.front().data(), 1, distances, labels);
    });
    results.add(std::string("FAISS IndexFlat") + (metric == faiss::METRIC_L2 ? "L2" : "IP") + ", batch of 32",
                1e3 * seconds, "ms");
  }
}

#endif

void run(const Options& options) {
  Results results(options.json);
  const bench::GalleryData data = bench::make_gallery_data(options.data, options.rows, 2000);
  bench_small(data, options.runs, results);
  const double bandwidth = memory_bandwidth(options.runs);
  results.add("memory bandwidth, reading", bandwidth / 1e9, "GB/s");
  auto start = std::chrono::steady_clock::now();
  Gallery gallery = gallery_of(data, options.rows);
  results.add("adding all rows", seconds_since(start), "s");
  const double bytes = static_cast<double>(options.rows * sizeof(embed::Embedding));
  for (const Metric metric : {Metric::L1, Metric::L2, Metric::Cosine}) {
    const std::string name = std::string("all rows, ") + to_string(metric);
    const double in_batches = seconds_a_query(gallery, data, metric, kBatch, options.runs);
    const double alone = seconds_a_query(gallery, data, metric, 1, options.runs);
    results.add(name + ", batch of 32", 1e3 * kBatch * in_batches, "ms");
    results.add(name + ", batch of 32, rows' floats over bandwidth",
                bytes / (kBatch * in_batches) / bandwidth, "x");
    results.add(name + ", one query", 1e3 * alone, "ms");
  }
#ifdef HAVE_FAISS
  if (options.faiss_flat) bench_faiss_flat(data, options.runs, results);
#endif
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    const char* value = i + 1 < argc ? argv[i + 1] : nullptr;
    if (name == "--no-faiss-flat") {
      options.faiss_flat = false;
    } else if (name == "--json") {
      options.json = true;
    } else if (value != nullptr && name == "--data") {
      options.data = argv[++i];
    } else if (value != nullptr && name == "--rows" && std::atoll(value) >= 1000) {
      options.rows = static_cast<std::size_t>(std::atoll(argv[++i]));
    } else if (value != nullptr && name == "--runs" && std::atoi(value) >= 1) {
      options.runs = std::atoi(argv[++i]);
    } else {
      std::fprintf(stderr,
                   "usage: gallery-bench [--rows N] [--data faces|identities|uniform] [--runs N] "
                   "[--no-faiss-flat] [--json]\n");
      std::exit(2);
    }
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  run(parse(argc, argv));
  return 0;
}
