// SPDX-License-Identifier: LGPL-2.1-or-later
// What one face costs inside libembed: cutting it out of a frame, embedding it, finding the nearest identity.
// Everything is seeded; the weights are random, for the time does not depend on their values.
#include <benchmark/benchmark.h>
#include <torch/utils.h>
#include <unistd.h>

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

// A 640×480 frame in any format; `bytes` holds 4 × 640 × 480 and outlives the view.
embed::ImageView frame_view(embed::PixelFormat format, const std::vector<std::uint8_t>& bytes) {
  embed::ImageView view;
  view.format = format;
  view.width = kWidth;
  view.height = kHeight;
  view.planes = {bytes.data(), nullptr, nullptr};
  view.strides = {kWidth, 0, 0};
  const std::uint8_t* chroma = bytes.data() + kWidth * kHeight;
  switch (format) {
    case embed::PixelFormat::Nv12:
      view.planes[1] = chroma;
      view.strides[1] = kWidth;
      break;
    case embed::PixelFormat::I420:
      view.planes = {bytes.data(), chroma, chroma + kWidth / 2 * (kHeight / 2)};
      view.strides = {kWidth, kWidth / 2, kWidth / 2};
      break;
    case embed::PixelFormat::Gray8:
      break;
    case embed::PixelFormat::Rgb:
    case embed::PixelFormat::Bgr:
      view.strides[0] = kWidth * 3;
      break;
    default:
      view.strides[0] = kWidth * 4;
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

BENCHMARK_MAIN();
