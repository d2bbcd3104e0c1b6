// SPDX-License-Identifier: LGPL-2.1-or-later
// One embedder in a process of its own, driven by lines on stdin, so that a script can let it take turns with
// others:
//
//   embed-speed --weights FILE --crops FILE [--precision P] [--batch-size N] [--first-batch N] [--embeddings
//   OUT]
//
// The crops are raw bytes, [count, height, width, channels] as the weights have them. When the first
// embedding is there, prints {"version", "precision", "load", "start", "input"}: seconds from the weights
// file to it, and from the start of the process; or {"unsupported": why} and ends where this precision does
// not run here. Then, for each line:
//   time BATCH SECONDS   passes for about SECONDS; {"batch", "per_face", "passes", "setting", "peak_mb"}:
//   seconds a
//                        face, the median over the passes, and the process's peak of resident memory
//   embed BATCH          writes the embeddings of all crops to OUT, [count, 128] float32, in passes of BATCH
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "embed/embedder.h"
#include "embed/error.h"
#include "embed/preprocess.h"

namespace {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::json;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Seconds since this process began, loading its libraries included; the kernel counts in hundredths.
double process_age() {
  std::ifstream file("/proc/self/stat");
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  std::istringstream fields(text.substr(text.rfind(')') + 1));
  std::string field;
  for (int i = 0; i < 20; ++i) fields >> field;  // The 22nd field of all: see proc(5).
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec) -
         std::stod(field) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

double peak_mb() {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.compare(0, 6, "VmHWM:") == 0) return std::stod(line.substr(6)) / 1024;
  }
  return 0;
}

std::map<std::string, std::string> parse(int argc, char** argv) {
  std::map<std::string, std::string> options{{"--precision", "auto"}, {"--batch-size", "32"},
                                             {"--first-batch", "1"},  {"--weights", ""},
                                             {"--crops", ""},         {"--embeddings", ""}};
  for (int i = 1; i < argc; i += 2) {
    const auto option = options.find(argv[i]);
    if (option == options.end()) throw std::invalid_argument(std::string("unknown option ") + argv[i]);
    if (i + 1 == argc) throw std::invalid_argument(std::string(argv[i]) + " needs a value");
    option->second = argv[i + 1];
  }
  for (const char* needed : {"--weights", "--crops"}) {
    if (options[needed].empty()) throw std::invalid_argument(std::string(needed) + " is needed");
  }
  return options;
}

std::vector<std::uint8_t> read_crops(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::invalid_argument(path + ": cannot be read");
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// An embedder and as many crops as asked for, those of the file over and over.
class Bench {
 public:
  Bench(const std::string& weights, const embed::EmbedderOptions& options, std::vector<std::uint8_t> crops)
      : embedder_(weights, options),
        crops_(std::move(crops)),
        bytes_(embed::crop_bytes(embedder_.info().input)) {
    if (crops_.empty() || crops_.size() % bytes_ != 0) {
      throw std::invalid_argument("the crops are not a multiple of " + std::to_string(bytes_) +
                                  " bytes, the size of one");
    }
    count_ = crops_.size() / bytes_;
  }

  const embed::Embedder& embedder() const { return embedder_; }

  std::vector<embed::Embedding> pass(std::size_t batch) const {
    std::vector<embed::Embedding> out(batch);
    embedder_.embed_crops(faces(batch).data(), batch, out.data());
    return out;
  }

  Json time(std::size_t batch, double seconds) const {
    const std::vector<std::uint8_t> input = faces(batch);
    std::vector<embed::Embedding> out(batch);
    std::vector<double> times;
    const auto begin = Clock::now();
    while (times.size() < 3 || seconds_since(begin) < seconds) {
      const auto start = Clock::now();
      embedder_.embed_crops(input.data(), batch, out.data());
      times.push_back(seconds_since(start));
    }
    const auto passes = times.size();
    std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(passes / 2), times.end());
    return {{"batch", batch},
            {"per_face", times[passes / 2] / static_cast<double>(batch)},
            {"passes", passes},
            {"setting", embedder_.device()},
            {"peak_mb", peak_mb()}};
  }

  void write(std::size_t batch, const std::string& path) const {
    std::ofstream file(path, std::ios::binary);
    std::vector<embed::Embedding> out(count_);
    for (std::size_t done = 0; done < count_; done += batch) {
      embedder_.embed_crops(crops_.data() + done * bytes_, std::min(batch, count_ - done), out.data() + done);
    }
    file.write(reinterpret_cast<const char*>(out.data()),
               static_cast<std::streamsize>(out.size() * sizeof(embed::Embedding)));
    if (!file.flush()) throw std::invalid_argument(path + ": cannot be written");
  }

 private:
  std::vector<std::uint8_t> faces(std::size_t batch) const {
    std::vector<std::uint8_t> input(batch * bytes_);
    for (std::size_t i = 0; i < batch; ++i) {
      std::copy_n(crops_.data() + i % count_ * bytes_, bytes_, input.data() + i * bytes_);
    }
    return input;
  }

  embed::Embedder embedder_;
  std::vector<std::uint8_t> crops_;
  std::size_t bytes_, count_ = 0;
};

/// One line of stdin. Throws std::invalid_argument when it is not a command.
void obey(const Bench& bench, const std::string& line, const std::string& out) {
  std::istringstream words(line);
  std::string verb;
  std::size_t batch = 0;
  double seconds = 0;
  words >> verb >> batch;
  if (verb == "time" && batch > 0 && words >> seconds) {
    std::cout << bench.time(batch, seconds) << std::endl;
  } else if (verb == "embed" && batch > 0 && !out.empty()) {
    bench.write(batch, out);
    std::cout << Json{{"embeddings", out}} << std::endl;
  } else {
    throw std::invalid_argument("'" + line +
                                "': time BATCH SECONDS or embed BATCH (with --embeddings) expected");
  }
}

void run(std::map<std::string, std::string> options) {
  std::vector<std::uint8_t> crops = read_crops(options["--crops"]);
  embed::EmbedderOptions how;
  how.precision = options["--precision"];
  how.batch_size = std::stoul(options["--batch-size"]);
  const auto begin = Clock::now();
  const Bench bench(options["--weights"], how, std::move(crops));
  bench.pass(std::stoul(options["--first-batch"]));
  const double load = seconds_since(begin);
  const embed::InputSpec& input = bench.embedder().info().input;
  std::cout << Json{{"version", "libembed"},
                    {"precision", bench.embedder().precision()},
                    {"load", load},
                    {"start", process_age()},
                    {"input", {input.height, input.width, input.channels}}}
            << std::endl;
  for (std::string line; std::getline(std::cin, line);) obey(bench, line, options["--embeddings"]);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(parse(argc, argv));
  } catch (const embed::Error& error) {
    // A precision unknown to this build or to this machine is an answer, not a failure.
    const std::string text = error.what();
    const bool unsupported =
        error.code() == embed::ErrorCode::InvalidArgument || error.code() == embed::ErrorCode::Unsupported;
    if (!unsupported || text.find("precision") == std::string::npos) {
      std::fprintf(stderr, "embed-speed: %s\n", text.c_str());
      return 1;
    }
    std::cout << Json{{"unsupported", text}} << std::endl;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "embed-speed: %s\n", error.what());
    return 2;
  }
  return 0;
}
