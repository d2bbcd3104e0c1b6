// SPDX-License-Identifier: LGPL-2.1-or-later
// What the embedder does on a GPU: `gpu-bench WEIGHTS.safetensors` prints a line with one JSON object for
// each figure, as soon as it is known: that figure and all before it, so that a time limit takes none of them
// away. Medians of several rounds. scripts/gpu-check runs it beside its peer, gpu_peer.py, and holds both
// against the bars.
#include <ATen/cuda/CUDAContext.h>
#include <ATen/cuda/CUDAEvent.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/cuda.h>
#include <torch/types.h>
#include <torch/version.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "embed/embedder.h"
#include "embed/nn/weights.h"
#include "embed/preprocess.h"
#include "net/cuda/crop_step.h"
#include "net/cuda/cuda_net.h"
#include "net/cuda/fused_net.h"
#include "net/torch/folding.h"

namespace {

constexpr std::size_t kBatch = 256;
constexpr int kRounds = 7, kFaces = 64, kWidth = 1920, kHeight = 1080;

double seconds_of(const std::function<void()>& function) {
  const auto begin = std::chrono::steady_clock::now();
  function();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double quantile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
}

/// The median over the rounds, after one that does not count.
double median_of_rounds(const std::function<double()>& round) {
  round();
  std::vector<double> values(kRounds);
  for (double& value : values) value = round();
  return quantile(values, 0.5);
}

/// Smooth pictures, all different: noise would make all vectors alike.
std::vector<std::uint8_t> pictures(std::size_t count, const embed::InputSpec& input) {
  std::mt19937 generator(1);
  std::uniform_real_distribution<double> uniform(0, 1);
  std::vector<std::uint8_t> bytes;
  for (std::size_t n = 0; n < count; ++n) {
    double wave[9];
    for (double& value : wave) value = uniform(generator);
    for (int y = 0; y < input.height; ++y) {
      for (int x = 0; x < input.width; ++x) {
        for (int c = 0; c < input.channels; ++c) {
          const double phase = (wave[3 * c] * x + wave[3 * c + 1] * y) * 0.3 + 7 * wave[3 * c + 2];
          bytes.push_back(static_cast<std::uint8_t>(127.5 + 127 * std::sin(phase)));
        }
      }
    }
  }
  return bytes;
}

embed::EmbedderOptions options_for(const std::string& device, const std::string& precision) {
  embed::EmbedderOptions options;
  options.device = device;
  options.precision = precision;
  options.batch_size = kBatch;
  return options;
}

class Results {
 public:
  template <typename Value>
  void add(const char* name, const Value& value) {
    all_[name] = value;
    std::printf("%s\n", all_.dump().c_str());
    std::fflush(stdout);
  }

 private:
  nlohmann::json all_;
};

/// Faces a second of the network alone: bytes on the device → vectors on the device. Made first, it pays for
/// all of cuDNN's trials, which LibTorch remembers.
void network_rate(const embed::nn::LoadedModel& model, const std::vector<std::uint8_t>& crops,
                  Results& results) {
  const auto parameters = embed::folded_parameters(model.network, model.info);
  std::unique_ptr<embed::gpu::CudaNet> made;
  results.add("load_s", seconds_of([&] {
                made = std::make_unique<embed::gpu::CudaNet>(
                    parameters, model.info.input, torch::Device(torch::kCUDA, 0), torch::kBFloat16, kBatch);
              }));
  embed::gpu::CudaNet& net = *made;
  const torch::Tensor bytes =
      torch::tensor(at::ArrayRef<std::uint8_t>(crops.data(), crops.size()), torch::kUInt8).to(torch::kCUDA);
  torch::cuda::synchronize();
  constexpr int kPasses = 50;
  const double seconds = median_of_rounds([&] {
    return seconds_of([&] {
      for (int i = 0; i < kPasses; ++i) net.queue(bytes.data_ptr<std::uint8_t>(), kBatch);
      net.synchronize();
    });
  });
  results.add("network_256", kPasses * kBatch / seconds);
}

/// Faces a second from pixels in host memory to vectors in host memory, many passes in one call.
double stream_rate(const embed::Embedder& embedder, const std::vector<std::uint8_t>& crops) {
  constexpr std::size_t kPasses = 40;
  std::vector<std::uint8_t> many;
  for (std::size_t i = 0; i < kPasses; ++i) many.insert(many.end(), crops.begin(), crops.end());
  std::vector<embed::Embedding> out(kPasses * kBatch);
  const double seconds = median_of_rounds(
      [&] { return seconds_of([&] { embedder.embed_crops(many.data(), out.size(), out.data()); }); });
  return static_cast<double>(out.size()) / seconds;
}

void single_latency(const embed::Embedder& embedder, const std::vector<std::uint8_t>& crops,
                    Results& results) {
  embed::Embedding out;
  std::vector<double> times(2000);
  for (double& time : times) time = 1e3 * seconds_of([&] { embedder.embed_crops(crops.data(), 1, &out); });
  times.erase(times.begin(), times.begin() + 100);
  results.add("latency_1_ms", quantile(times, 0.5));
  results.add("latency_1_p99_ms", quantile(times, 0.99));
}

/// An NV12 frame on the device and faces of 40 to 240 pixels in it, each a little turned.
struct Scene {
  torch::Tensor pixels = torch::randint(0, 256, {kWidth * kHeight * 3 / 2}, torch::kUInt8).to(torch::kCUDA);
  embed::ImageView view;
  std::vector<embed::FaceRegion> regions;
  Scene() {
    view.format = embed::PixelFormat::Nv12;
    view.width = kWidth, view.height = kHeight;
    view.planes = {pixels.data_ptr<std::uint8_t>(), pixels.data_ptr<std::uint8_t>() + kWidth * kHeight,
                   nullptr};
    view.strides = {kWidth, kWidth, 0};
    view.cuda_device = 0;
    std::mt19937 generator(2);
    std::uniform_real_distribution<float> uniform(0, 1);
    for (int i = 0; i < kFaces; ++i) {
      const float side = 40 + 200 * uniform(generator), turn = 0.3F * (uniform(generator) - 0.5F);
      const float x = uniform(generator) * (kWidth - side), y = uniform(generator) * (kHeight - side);
      embed::FaceRegion& region = regions.emplace_back();
      region.box = {x, y, side, side};
      const auto at = [&](float u, float v) {
        return embed::Point{x + side * (0.5F + (u - 0.5F) - turn * (v - 0.5F)),
                            y + side * (0.5F + (v - 0.5F) + turn * (u - 0.5F))};
      };
      region.landmarks = embed::Landmarks{
          {at(0.34F, 0.4F), at(0.66F, 0.4F), at(0.5F, 0.6F), at(0.37F, 0.75F), at(0.63F, 0.75F)}};
    }
    torch::cuda::synchronize();
  }
};

/// Microseconds of the one launch that cuts all faces out of a frame on the device.
double crop_microseconds(const Scene& scene, const embed::nn::LoadedModel& model) {
  using namespace embed::gpu;
  const FusedNet net(embed::folded_parameters(model.network, model.info), model.info.input,
                     torch::Device(torch::kCUDA, 0), Number::BF16);
  const torch::Tensor cells = net.make_cells(kFaces);
  std::vector<FaceCrop> crops;
  for (const auto& region : scene.regions) crops.push_back(face_crop(scene.view, region, model.info.input));
  const torch::Tensor faces =
      torch::from_blob(crops.data(), {static_cast<std::int64_t>(crops.size() * sizeof(FaceCrop))},
                       torch::kUInt8)
          .to(torch::kCUDA);
  CropFaces step;
  step.frame = frame_of(scene.view, model.info.input);
  step.faces = static_cast<const FaceCrop*>(faces.data_ptr());
  step.count = kFaces;
  step.out = net.grid(cells);
  const auto stream = c10::cuda::getCurrentCUDAStream();
  constexpr int kLaunches = 200;
  return median_of_rounds([&] {
    at::cuda::CUDAEvent begin(cudaEventDefault), end(cudaEventDefault);
    begin.record(stream);
    for (int i = 0; i < kLaunches; ++i) launch(step, stream.stream());
    end.record(stream);
    end.synchronize();
    return 1e3 * begin.elapsed_time(end) / kLaunches;
  });
}

double least_cosine(const std::vector<embed::Embedding>& left, const std::vector<embed::Embedding>& right) {
  double least = 1;
  for (std::size_t i = 0; i < left.size(); ++i) {
    const double cosine = 1.0 - embed::distance(embed::Metric::Cosine, left[i], right[i]);
    if (std::isnan(cosine)) return -1;  // Which is smaller than nothing.
    least = std::min(least, cosine);
  }
  return least;
}

void measure(const std::string& weights) {
  const embed::nn::LoadedModel model = embed::nn::load_weights(weights);
  const auto crops = pictures(kBatch, model.info.input);
  Results results;
  results.add("card", at::cuda::getCurrentDeviceProperties()->name);
  results.add("libtorch", TORCH_VERSION);
  results.add("input",
              std::to_string(model.info.input.width) + "x" + std::to_string(model.info.input.height));
  network_rate(model, crops, results);
  const Scene scene;
  results.add("crop_64_us", crop_microseconds(scene, model));
  const embed::Embedder embedder(weights, options_for("cuda", "bf16"));
  std::vector<embed::Embedding> got(kBatch), right(kBatch);
  embedder.embed_crops(crops.data(), kBatch, got.data());
  embed::Embedder(weights, options_for("cpu", "fp32")).embed_crops(crops.data(), kBatch, right.data());
  results.add("cosine", least_cosine(got, right));
  single_latency(embedder, crops, results);
  results.add("stream_256", stream_rate(embedder, crops));
  results.add("frame_64_ms", median_of_rounds([&] {
                constexpr int kTimes = 50;
                return 1e3 / kTimes * seconds_of([&] {
                         for (int i = 0; i < kTimes; ++i) embedder.embed(scene.view, scene.regions);
                       });
              }));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: gpu-bench WEIGHTS.safetensors\n");
    return 2;
  }
  if (!torch::cuda::is_available()) {
    std::fprintf(stderr, "gpu-bench: no usable GPU: LibTorch sees no CUDA device\n");
    return 77;
  }
  try {
    measure(argv[1]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "gpu-bench: %s\n", error.what());
    return 1;
  }
  return 0;
}
