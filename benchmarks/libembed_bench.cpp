// SPDX-License-Identifier: LGPL-2.1-or-later
// What one face costs inside libembed: cutting it out of a frame, embedding it, finding the nearest identity.
// Everything is seeded; the weights are random, for the time does not depend on their values.
#include <benchmark/benchmark.h>
#include <torch/utils.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "embed/embedder.h"
#include "embed/gallery.h"
#include "embed/nn/weights.h"
#include "embed/preprocess.h"
#include "embed/quality.h"
#include "embed/track_identities.h"
#include "embed/tracker.h"

namespace {

constexpr int kWidth = 640;
constexpr int kHeight = 480;

std::vector<std::uint8_t> random_bytes(std::size_t count) {
  std::mt19937 generator(1);
  std::vector<std::uint8_t> bytes(count);
  for (auto& byte : bytes) {
    byte = static_cast<std::uint8_t>(generator());
  }
  return bytes;
}

// A frame in any format; `bytes` holds 4 × width × height and outlives the view.
embed::ImageView frame_view(embed::PixelFormat format, const std::vector<std::uint8_t>& bytes,
                            int width = kWidth, int height = kHeight) {
  embed::ImageView view;
  view.format = format;
  view.width = width;
  view.height = height;
  view.planes = {bytes.data(), nullptr, nullptr};
  view.strides = {width, 0, 0};
  const std::uint8_t* chroma = bytes.data() + static_cast<std::ptrdiff_t>(width) * height;
  switch (format) {
    case embed::PixelFormat::Nv12:
      view.planes[1] = chroma;
      view.strides[1] = width;
      break;
    case embed::PixelFormat::I420:
      view.planes = {bytes.data(), chroma, chroma + static_cast<std::ptrdiff_t>(width) / 2 * (height / 2)};
      view.strides = {width, width / 2, width / 2};
      break;
    case embed::PixelFormat::Gray8:
      break;
    case embed::PixelFormat::Rgb:
    case embed::PixelFormat::Bgr:
      view.strides[0] = width * 3;
      break;
    default:
      view.strides[0] = width * 4;
  }
  return view;
}

// A face of 120×150 pixels with the landmarks of a slightly tilted head.
embed::FaceRegion face_region() {
  embed::FaceRegion region;
  region.box = {260, 140, 120, 150};
  region.landmarks = embed::Landmarks{{{292, 198}, {346, 204}, {318, 232}, {296, 258}, {340, 262}}};
  return region;
}

void crop(benchmark::State& state, embed::PixelFormat format) {
  const auto bytes = random_bytes(static_cast<std::size_t>(kWidth) * kHeight * 4);
  const auto view = frame_view(format, bytes);
  const auto region = face_region();
  const embed::InputSpec input;
  std::vector<std::uint8_t> out(embed::crop_bytes(input));
  for (auto _ : state) {
    embed::crop_face(view, region, input, out.data());
    benchmark::DoNotOptimize(out.data());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(crop, rgb, embed::PixelFormat::Rgb)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(crop, bgrx, embed::PixelFormat::Bgrx)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(crop, gray8, embed::PixelFormat::Gray8)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(crop, nv12, embed::PixelFormat::Nv12)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(crop, i420, embed::PixelFormat::I420)->Unit(benchmark::kMicrosecond);

// The face of face_region, moved to the middle of a 1080p frame, its box range(0) pixels high. A network's
// input of 112×112, as most published face networks have.
void crop1080(benchmark::State& state, embed::PixelFormat format, embed::Alignment alignment) {
  constexpr int kFullWidth = 1920, kFullHeight = 1080;
  const auto bytes = random_bytes(static_cast<std::size_t>(kFullWidth) * kFullHeight * 4);
  const auto view = frame_view(format, bytes, kFullWidth, kFullHeight);
  auto region = face_region();
  const auto scale = static_cast<float>(state.range(0)) / region.box.height;
  const auto place = [&](float& x, float& y) {
    x = 960 + (x - 320) * scale;
    y = 540 + (y - 215) * scale;
  };
  place(region.box.x, region.box.y);
  region.box.width *= scale;
  region.box.height *= scale;
  for (auto& point : *region.landmarks) place(point.x, point.y);
  embed::InputSpec input;
  input.width = input.height = 112;
  input.crop.alignment = alignment;
  std::vector<std::uint8_t> out(embed::crop_bytes(input));
  for (auto _ : state) {
    embed::crop_face(view, region, input, out.data());
    benchmark::DoNotOptimize(out.data());
  }
  state.SetItemsProcessed(state.iterations());
}

void register_crop1080() {
  using embed::PixelFormat;
  const std::pair<const char*, PixelFormat> formats[] = {
      {"nv12", PixelFormat::Nv12},  {"i420", PixelFormat::I420}, {"rgb", PixelFormat::Rgb},
      {"bgr", PixelFormat::Bgr},    {"bgrx", PixelFormat::Bgrx}, {"rgba", PixelFormat::Rgba},
      {"gray8", PixelFormat::Gray8}};
  for (const auto& [name, format] : formats) {
    for (const bool aligned : {true, false}) {
      const std::string full = std::string("crop1080/") + name + (aligned ? "/aligned" : "/box");
      const auto alignment = aligned ? embed::Alignment::FivePoint : embed::Alignment::Box;
      auto* one = benchmark::RegisterBenchmark(
          full.c_str(),
          [format = format, alignment](benchmark::State& state) { crop1080(state, format, alignment); });
      for (const int side : {60, 150, 200, 300, 400, 500}) one->Arg(side);
      one->Unit(benchmark::kMicrosecond);
    }
  }
}

// One embedder with random weights for all runs.
const embed::Embedder& shared_embedder() {
  static const auto embedder = [] {
    char path[] = "/tmp/tripletembed-bench-XXXXXX";
    const int file = mkstemp(path);
    if (file < 0) {
      std::perror("libembed-bench: a temporary file");
      std::exit(1);
    }
    close(file);
    torch::manual_seed(1);
    embed::nn::save_weights(path, embed::nn::ResNet18V2(), embed::ModelInfo());
    embed::EmbedderOptions options;
    options.batch_size = 32;
    options.precision = "fp32";
    auto made = std::make_unique<embed::Embedder>(path, options);
    std::remove(path);
    return made;
  }();
  return *embedder;
}

void embed_batch(benchmark::State& state) {
  const auto& embedder = shared_embedder();
  const auto count = static_cast<std::size_t>(state.range(0));
  const auto crops = random_bytes(count * embed::crop_bytes(embedder.info().input));
  std::vector<embed::Embedding> out(count);
  for (auto _ : state) {
    embedder.embed_crops(crops.data(), count, out.data());
    benchmark::DoNotOptimize(out.data());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(embed_batch)->Arg(1)->Arg(8)->Arg(16)->Arg(32)->UseRealTime()->Unit(benchmark::kMillisecond);

embed::Embedding random_embedding(std::mt19937& generator) {
  std::normal_distribution<float> normal;
  embed::Embedding embedding;
  for (auto& value : embedding) {
    value = normal(generator);
  }
  return embedding;
}

// A crop of the default weights' size, of a face that looks into the camera.
void quality(benchmark::State& state) {
  embed::InputSpec input;
  input.width = input.height = 80;
  input.crop.alignment = embed::Alignment::FivePoint;
  input.crop.five_points = {
      {{0.333F, 0.295F}, {0.669F, 0.297F}, {0.493F, 0.511F}, {0.359F, 0.681F}, {0.64F, 0.682F}}};
  embed::FaceRegion region;
  region.box = {0, 0, 100, 100};
  region.landmarks = input.crop.five_points;
  const auto crop = random_bytes(embed::crop_bytes(input));
  for (auto _ : state)
    benchmark::DoNotOptimize(embed::face_quality({}, region, input, crop.data(), 0.9F).overall);
}
BENCHMARK(quality)->Unit(benchmark::kMicrosecond);

// A frame of the tracker. range(0): faces, which sway and overlap their neighbours a little; range(1):
// whether each has an embedding. One face in ten is missed now and then.
void track(benchmark::State& state) {
  std::mt19937 generator(1);
  const auto faces = static_cast<std::size_t>(state.range(0));
  std::vector<embed::Embedding> people;
  for (std::size_t i = 0; i < faces; ++i) people.push_back(random_embedding(generator));
  std::normal_distribution<float> noise(0, 2);
  std::vector<embed::TrackerDetection> detections(faces);
  embed::Tracker tracker;
  std::size_t frame = 0;
  for (auto _ : state) {
    std::size_t found = 0;
    for (std::size_t i = 0; i < faces; ++i) {
      if ((frame + i) % 10 == 0) continue;
      const auto column = static_cast<float>(i % 16), row = static_cast<float>(i / 16);
      const embed::Rect box{50 * column + noise(generator), 60 * row + noise(generator), 60, 60};
      detections[found++] = {box, 0.9F, 0, state.range(1) != 0 ? &people[i] : nullptr};
    }
    benchmark::DoNotOptimize(tracker.update(detections.data(), found).data());
    ++frame;
  }
}
BENCHMARK(track)->ArgsProduct({{1, 10, 256}, {0, 1}})->Unit(benchmark::kMicrosecond);

// A frame of so many tracked faces is decided, each of them embedded; of the time a gallery of 70 rows is a
// part
// (`match` shows it).
void decide(benchmark::State& state) {
  std::mt19937 generator(1);
  const auto gallery = std::make_shared<embed::Gallery>();
  for (int row = 0; row < 70; ++row)
    gallery->add("person " + std::to_string(row / 14), random_embedding(generator));
  embed::MatchOptions rule;
  rule.threshold = 0.2F;
  std::vector<embed::Embedding> people;
  std::vector<embed::TrackFace> faces;
  for (std::int64_t i = 0; i < state.range(0); ++i) people.push_back(random_embedding(generator));
  for (const auto& person : people) faces.push_back({static_cast<int>(faces.size()) + 1, true, &person, 1});
  embed::TrackIdentities identities;
  std::chrono::nanoseconds now{0};
  for (auto _ : state) {
    now += std::chrono::milliseconds(33);
    benchmark::DoNotOptimize(identities.take(faces.data(), faces.size(), gallery, rule, now).data());
  }
}
BENCHMARK(decide)->Arg(1)->Arg(10)->Unit(benchmark::kMicrosecond);

// range(0): rows; range(1): queries in a batch. Ten rows an identity.
void match(benchmark::State& state, embed::Metric metric) {
  std::mt19937 generator(1);
  embed::Gallery gallery(metric);
  for (std::int64_t row = 0; row < state.range(0); ++row) {
    gallery.add("person " + std::to_string(row / 10), random_embedding(generator));
  }
  std::vector<embed::Embedding> queries;
  for (std::int64_t query = 0; query < state.range(1); ++query) {
    queries.push_back(random_embedding(generator));
  }
  std::vector<embed::Match> out(queries.size());
  embed::MatchOptions options;
  options.metric = metric;
  for (auto _ : state) {
    gallery.match(queries.data(), queries.size(), options, out.data());
    benchmark::DoNotOptimize(out.data());
  }
  state.SetItemsProcessed(state.iterations() * state.range(1));
}
BENCHMARK_CAPTURE(match, cosine, embed::Metric::Cosine)
    ->ArgsProduct({{1000, 10000, 100000}, {1, 16}})
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(match, l1, embed::Metric::L1)
    ->ArgsProduct({{1000, 10000, 100000}, {1, 16}})
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);

}  // namespace

int main(int count, char** arguments) {
  register_crop1080();
  benchmark::Initialize(&count, arguments);
  if (benchmark::ReportUnrecognizedArguments(count, arguments)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
