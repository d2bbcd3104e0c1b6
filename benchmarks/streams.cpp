// SPDX-License-Identifier: LGPL-2.1-or-later
// Many streams, one model: what tripletembed makes of the library's own speed.
//
// usage: streams-bench [--model FILE] [--streams N,N,…] [--seconds S] [--runs N] [--batch-size N]
//                      [--precision P] [--json]
//
// Each stream pushes 640×480 I420 frames with one marked face as fast as they are taken, from a thread of its
// own into an element of its own; nothing decodes or detects. Prints, each a median of the runs:
// - faces a second of N streams in all, and as a share of Embedder::embed_crops in full batches, measured in
//   turn with them; and what a face costs in CPU time, which other work on the machine changes less;
// - what one element with batch-size=1 adds to the time of a bare embed_crops of one face;
// - what the second element with the same model adds to the process's memory.
#include <gst/gst.h>
#include <gst/video/video.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <mutex>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "embed/preprocess.h"
#include "embed/shared_embedder.h"
#include "glue/face_meta.h"

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kWidth = 640;
constexpr int kHeight = 480;

struct Options {
  std::string model, precision = "auto";
  std::vector<int> streams = {1, 4, 8, 16};
  double seconds = 3;
  int runs = 3;
  int batch_size = 16;
  bool json = false;
};

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// CPU time of all threads so far, in milliseconds.
double cpu_ms() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto ms = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_usec) / 1e3;
  };
  return ms(usage.ru_utime) + ms(usage.ru_stime);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.at(values.size() / 2);
}

/// One picture for all frames: smooth, as real ones are.
GstMemory* picture() {
  const std::size_t size = static_cast<std::size_t>(kWidth) * kHeight * 3 / 2;
  GstMemory* memory = gst_allocator_alloc(nullptr, size, nullptr);
  GstMapInfo map;
  gst_memory_map(memory, &map, GST_MAP_WRITE);
  for (std::size_t i = 0; i < size; ++i) {
    map.data[i] = static_cast<guint8>((i % kWidth / 3 + i / kWidth / 2) & 0xff);
  }
  gst_memory_unmap(memory, &map);
  return memory;
}

embed::FaceRegion face() {
  embed::FaceRegion region;
  region.box = {260, 140, 120, 150};
  region.landmarks = embed::Landmarks{{{292, 198}, {346, 204}, {318, 232}, {296, 258}, {340, 262}}};
  return region;
}

/// An element between two pads of ours, and what came out of it.
class Stream {
 public:
  Stream(const Options& options, int batch_size, const char* id, GstMemory* memory) : memory_(memory) {
    element_ = gst_element_factory_make("tripletembed", nullptr);
    if (element_ == nullptr) throw std::runtime_error("no tripletembed: set GST_PLUGIN_PATH");
    gst_object_ref_sink(element_);
    g_object_set(element_, "model", options.model.c_str(), "batch-size", batch_size, "model-instance-id", id,
                 nullptr);
    gst_util_set_object_arg(G_OBJECT(element_), "precision", options.precision.c_str());
    src_ = gst_pad_new("out", GST_PAD_SRC);
    sink_ = gst_pad_new("in", GST_PAD_SINK);
    gst_pad_set_element_private(sink_, this);
    gst_pad_set_chain_function(sink_, [](GstPad* pad, GstObject*, GstBuffer* buffer) {
      gst_buffer_unref(buffer);
      static_cast<Stream*>(gst_pad_get_element_private(pad))->count();
      return GST_FLOW_OK;
    });
    link();
    gst_pad_set_active(sink_, TRUE);
    gst_pad_set_active(src_, TRUE);
    if (gst_element_set_state(element_, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE)
      throw std::runtime_error("tripletembed does not start (GST_DEBUG=tripletembed:2 says why)");
    start();
  }
  ~Stream() {
    stop();
    gst_element_set_state(element_, GST_STATE_NULL);
    for (GstPad* pad : {src_, sink_}) {
      gst_pad_set_active(pad, FALSE);
      gst_object_unref(pad);
    }
    gst_object_unref(element_);
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  GstFlowReturn push() {
    GstBuffer* buffer = gst_buffer_new();
    gst_buffer_append_memory(buffer, gst_memory_ref(memory_));
    GST_BUFFER_PTS(buffer) = next_++ * 40 * GST_MSECOND;
    embed::gst::add_face(buffer, face(), 0.9, kWidth, kHeight);
    return gst_pad_push(src_, buffer);
  }
  /// Pushes from a thread until stop().
  void run() {
    thread_ = std::thread([this] {
      while (!stopping_ && push() == GST_FLOW_OK) {
      }
    });
  }
  void stop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
  }
  std::uint64_t faces() const { return faces_; }
  void await(std::uint64_t faces) {
    std::unique_lock<std::mutex> lock(mutex_);
    arrived_.wait(lock, [&] { return faces_ >= faces; });
  }
  double mean_batch() const {
    GstStructure* stats = nullptr;
    g_object_get(element_, "stats", &stats, nullptr);
    double mean = 0;
    gst_structure_get_double(stats, "mean-batch-size", &mean);
    gst_structure_free(stats);
    return mean;
  }

 private:
  void link() {
    GstPad* in = gst_element_get_static_pad(element_, "sink");
    GstPad* out = gst_element_get_static_pad(element_, "src");
    gst_pad_link(src_, in);
    gst_pad_link(out, sink_);
    gst_object_unref(in);
    gst_object_unref(out);
  }
  void start() {
    gst_pad_push_event(src_, gst_event_new_stream_start("bench"));
    GstCaps* caps =
        gst_caps_new_simple("video/x-raw", "format", G_TYPE_STRING, "I420", "width", G_TYPE_INT, kWidth,
                            "height", G_TYPE_INT, kHeight, "framerate", GST_TYPE_FRACTION, 25, 1, nullptr);
    gst_pad_push_event(src_, gst_event_new_caps(caps));
    gst_caps_unref(caps);
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_pad_push_event(src_, gst_event_new_segment(&segment));
  }
  void count() {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++faces_;
    arrived_.notify_one();
  }

  GstMemory* memory_;
  GstElement* element_ = nullptr;
  GstPad *src_ = nullptr, *sink_ = nullptr;
  std::uint64_t next_ = 0;
  std::thread thread_;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::atomic<std::uint64_t> faces_{0};
};

embed::EmbedderOptions embedder_options(const Options& options, int batch_size) {
  embed::EmbedderOptions result;
  result.precision = options.precision;
  result.batch_size = static_cast<std::size_t>(batch_size);
  return result;
}

/// Copies of one face's crop.
std::vector<std::uint8_t> crops_of(const embed::Embedder& embedder, GstMemory* memory, std::size_t count) {
  GstMapInfo map;
  gst_memory_map(memory, &map, GST_MAP_READ);
  embed::ImageView view;
  view.format = embed::PixelFormat::I420;
  view.width = kWidth;
  view.height = kHeight;
  view.planes = {map.data, map.data + kWidth * kHeight, map.data + kWidth * kHeight * 5 / 4};
  view.strides = {kWidth, kWidth / 2, kWidth / 2};
  const auto& input = embedder.info().input;
  const std::size_t bytes = embed::crop_bytes(input);
  std::vector<std::uint8_t> crops(count * bytes);
  for (std::size_t i = 0; i < count; ++i) embed::crop_face(view, face(), input, crops.data() + i * bytes);
  gst_memory_unmap(memory, &map);
  return crops;
}

/// What was measured over some seconds.
struct Rate {
  double faces_per_second = 0, cpu_ms_per_face = 0, mean_batch = 0;
};

/// embed_crops in full batches.
Rate library_rate(const embed::Embedder& embedder, GstMemory* memory, const Options& options) {
  const auto count = static_cast<std::size_t>(options.batch_size);
  const auto crops = crops_of(embedder, memory, count);
  std::vector<embed::Embedding> out(count);
  double faces = 0;
  const double cpu = cpu_ms();
  const auto start = Clock::now();
  while (seconds_since(start) < options.seconds) {
    embedder.embed_crops(crops.data(), count, out.data());
    faces += static_cast<double>(count);
  }
  return {faces / seconds_since(start), (cpu_ms() - cpu) / faces, static_cast<double>(count)};
}

Rate streams_rate(int streams, GstMemory* memory, const Options& options) {
  std::vector<std::unique_ptr<Stream>> all;
  for (int i = 0; i < streams; ++i) {
    all.push_back(std::make_unique<Stream>(options, options.batch_size, "bench", memory));
  }
  for (auto& stream : all) stream->run();
  const auto total = [&] {
    std::uint64_t faces = 0;
    for (const auto& stream : all) faces += stream->faces();
    return faces;
  };
  std::this_thread::sleep_for(std::chrono::milliseconds(700));  // Kernels of new batch sizes are made.
  const double cpu = cpu_ms();
  const auto start = Clock::now();
  const std::uint64_t before = total();
  std::this_thread::sleep_for(std::chrono::duration<double>(options.seconds));
  const auto faces = static_cast<double>(total() - before);
  const Rate rate{faces / seconds_since(start), (cpu_ms() - cpu) / faces, all.front()->mean_batch()};
  for (auto& stream : all) stream->stop();
  return rate;
}

/// Medians over the runs.
struct Row {
  int streams = 0;
  double faces_per_second = 0, library = 0, share = 0, mean_batch = 0, cpu_ms = 0, library_cpu_ms = 0;
};

Row measure_streams(int streams, const embed::Embedder& embedder, GstMemory* memory, const Options& options) {
  std::vector<double> library, rates, shares, batches, cpu, library_cpu;
  for (int run = 0; run < options.runs; ++run) {
    const Rate before = library_rate(embedder, memory, options);
    const Rate rate = streams_rate(streams, memory, options);
    const Rate after = library_rate(embedder, memory, options);
    library.push_back((before.faces_per_second + after.faces_per_second) / 2);
    library_cpu.push_back((before.cpu_ms_per_face + after.cpu_ms_per_face) / 2);
    rates.push_back(rate.faces_per_second);
    shares.push_back(rate.faces_per_second / library.back());
    batches.push_back(rate.mean_batch);
    cpu.push_back(rate.cpu_ms_per_face);
  }
  return {streams,         median(rates), median(library),    median(shares),
          median(batches), median(cpu),   median(library_cpu)};
}

struct Latency {
  double bare_ms = 0, element_ms = 0;
};

/// Frames one by one through an element, in turn with a bare embed_crops of the same face.
Latency latency(GstMemory* memory, const Options& options) {
  const auto shared = embed::share_embedder(options.model, embedder_options(options, 1), "latency");
  const auto crop = crops_of(shared->embedder(), memory, 1);
  Stream stream(options, 1, "latency", memory);
  embed::Embedding out;
  std::vector<double> bare, element;
  const int warm_up = 50, rounds = 400;
  for (int i = 0; i < warm_up + rounds; ++i) {
    auto start = Clock::now();
    shared->embedder().embed_crops(crop.data(), 1, &out);
    const double bare_ms = seconds_since(start) * 1e3;
    start = Clock::now();
    stream.push();
    stream.await(static_cast<std::uint64_t>(i) + 1);
    if (i < warm_up) continue;
    bare.push_back(bare_ms);
    element.push_back(seconds_since(start) * 1e3);
  }
  return {median(bare), median(element)};
}

double resident_mb() {
  std::ifstream file("/proc/self/statm");
  long pages = 0, resident = 0;
  file >> pages >> resident;
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1e6;
}

/// Growth of the resident memory by a second stream, each having run.
double second_element_mb(GstMemory* memory, const Options& options) {
  Stream first(options, options.batch_size, "bench", memory);
  first.run();
  std::this_thread::sleep_for(std::chrono::seconds(2));
  const double one = resident_mb();
  Stream second(options, options.batch_size, "bench", memory);
  second.run();
  std::this_thread::sleep_for(std::chrono::seconds(2));
  const double two = resident_mb();
  first.stop();
  second.stop();
  return two - one;
}

void print(const Options& options, const std::string& precision, const std::vector<Row>& rows,
           const Latency& one, double second_mb) {
  for (const Row& row : rows) {
    std::printf(
        "%2d streams: %7.1f faces/s, %5.1f %% of the library's %7.1f; batches of %4.1f; "
        "CPU %.2f ms a face, the library's %.2f\n",
        row.streams, row.faces_per_second, 100 * row.share, row.library, row.mean_batch, row.cpu_ms,
        row.library_cpu_ms);
  }
  std::printf("one stream, batch-size=1: %.3f ms a frame, %.3f ms bare: adds %.3f ms\n", one.element_ms,
              one.bare_ms, one.element_ms - one.bare_ms);
  std::printf("a second element adds %.1f MB\n(%s, batch-size %d; medians of %d runs of %.1f s)\n", second_mb,
              precision.c_str(), options.batch_size, options.runs, options.seconds);
}

void print_json(const Options& options, const std::string& precision, const std::vector<Row>& rows,
                const Latency& one, double second_mb) {
  std::printf("{\"precision\":\"%s\",\"batch_size\":%d,\"streams\":[", precision.c_str(), options.batch_size);
  for (const Row& row : rows) {
    std::printf(
        "%s{\"streams\":%d,\"faces_per_second\":%.2f,\"library_faces_per_second\":%.2f,\"share\":%.4f,"
        "\"mean_batch\":%.2f,\"cpu_ms_per_face\":%.4f,\"library_cpu_ms_per_face\":%.4f}",
        &row == rows.data() ? "" : ",", row.streams, row.faces_per_second, row.library, row.share,
        row.mean_batch, row.cpu_ms, row.library_cpu_ms);
  }
  std::printf(
      "],\"latency_ms\":%.4f,\"bare_latency_ms\":%.4f,\"added_latency_ms\":%.4f,"
      "\"second_element_mb\":%.2f}\n",
      one.element_ms, one.bare_ms, one.element_ms - one.bare_ms, second_mb);
}

void measure(const Options& options) {
  GstMemory* memory = picture();
  // First, for later the allocator has memory to spare.
  const double second_mb = second_element_mb(memory, options);
  std::string precision;
  std::vector<Row> rows;
  {
    const auto shared =
        embed::share_embedder(options.model, embedder_options(options, options.batch_size), "bench");
    precision = shared->embedder().precision();
    for (const int streams : options.streams) {
      rows.push_back(measure_streams(streams, shared->embedder(), memory, options));
    }
  }
  const Latency one = latency(memory, options);
  (options.json ? print_json : print)(options, precision, rows, one, second_mb);
  gst_memory_unref(memory);
}

Options parse(int argc, char** argv) {
  Options options;
  if (const char* model = std::getenv("TRIPLETEMBED_MODEL")) options.model = model;
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    if (flag == "--json") {
      options.json = true;
      continue;
    }
    if (i + 1 == argc) throw std::runtime_error(flag + ": a value is missing, or there is no such flag");
    const std::string value = argv[++i];
    if (flag == "--model") {
      options.model = value;
    } else if (flag == "--precision") {
      options.precision = value;
    } else if (flag == "--seconds") {
      options.seconds = std::stod(value);
    } else if (flag == "--runs") {
      options.runs = std::max(1, std::stoi(value));
    } else if (flag == "--batch-size") {
      options.batch_size = std::stoi(value);
    } else if (flag == "--streams") {
      options.streams.clear();
      for (std::size_t at = 0; at != std::string::npos; at = value.find(',', at + 1)) {
        options.streams.push_back(std::stoi(value.substr(at + (at > 0 ? 1 : 0))));
      }
    } else {
      throw std::runtime_error("no such flag: " + flag);
    }
  }
  if (options.model.empty()) throw std::runtime_error("--model, or TRIPLETEMBED_MODEL, must name weights");
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  gst_init(&argc, &argv);
  embed::gst::register_face_meta();
  try {
    measure(parse(argc, argv));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "streams-bench: %s\n", error.what());
    return 1;
  }
  return 0;
}
