// SPDX-License-Identifier: LGPL-2.1-or-later
// The embedder on a GPU against the one on the CPU. Skips where there is no usable GPU.
#include <gtest/gtest.h>
#include <torch/cuda.h>
#include <torch/types.h>

#include <cmath>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "embed/embedder.h"
#include "embed/preprocess.h"
#include "error_matchers.h"
#include "fixtures.h"
#include "trained.h"

namespace {

using embed::Embedder;
using embed::EmbedderOptions;
using embed::Embedding;
using embed::ErrorCode;
using testing_errors::expect_error;
using trained::cosine;

EmbedderOptions options_for(const std::string& device, const std::string& precision, std::size_t batch) {
  EmbedderOptions options;
  options.device = device;
  options.precision = precision;
  options.batch_size = batch;
  return options;
}

const std::string& weights() {
  static const std::string path = fixtures::write_weights(fixtures::temp_dir() + "/cuda.safetensors");
  return path;
}

std::vector<std::uint8_t> crops(std::size_t count) {
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i < count; ++i) {
    const auto one = fixtures::rgb_pattern(64, 64, 700 + i);
    bytes.insert(bytes.end(), one.begin(), one.end());
  }
  return bytes;
}

std::vector<Embedding> embed_all(const Embedder& embedder, const std::vector<std::uint8_t>& bytes) {
  std::vector<Embedding> out(bytes.size() / embed::crop_bytes(embedder.info().input));
  embedder.embed_crops(bytes.data(), out.size(), out.data());
  return out;
}

class CudaEmbedder : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!torch::cuda::is_available()) GTEST_SKIP() << "no usable CUDA device";
  }
};

TEST_F(CudaEmbedder, GivesTheCpusVectorsInEveryPrecisionAndBucket) {
  const auto bytes = crops(21);
  const auto right = embed_all(Embedder(weights(), options_for("cpu", "fp32", 16)), bytes);
  for (const auto& [precision, least] :
       {std::pair{"fp32", 0.99999}, std::pair{"bf16", 0.999}, std::pair{"fp16", 0.9999}}) {
    for (const std::size_t batch : {1U, 5U, 16U}) {
      const Embedder embedder(weights(), options_for("cuda", precision, batch));
      EXPECT_EQ(embedder.backend(), "cuda-graphs");
      for (const std::size_t count : {1U, 2U, 3U, 7U, 16U, 21U}) {
        std::vector<Embedding> got(count);
        embedder.embed_crops(bytes.data(), count, got.data());
        for (std::size_t i = 0; i < count; ++i) {
          EXPECT_GE(cosine(got[i], right[i]), least) << precision << ", batch " << batch << ", face " << i;
        }
      }
    }
  }
}

TEST_F(CudaEmbedder, ServesOddSizesAndGrey) {
  for (const auto& [width, height, channels] :
       {std::tuple{33, 17, 1}, std::tuple{39, 50, 3}, std::tuple{112, 112, 3}}) {
    fixtures::WeightsOptions made;
    made.input.width = width, made.input.height = height, made.input.channels = channels;
    made.head = embed::Head::Linear;
    const auto path = fixtures::write_weights(fixtures::temp_dir() + "/odd.safetensors", made);
    std::vector<std::uint8_t> bytes(3 * embed::crop_bytes(made.input));
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * i >> 3);
    const auto right = embed_all(Embedder(path, options_for("cpu", "fp32", 4)), bytes);
    const auto got = embed_all(Embedder(path, options_for("cuda", "bf16", 4)), bytes);
    for (std::size_t i = 0; i < right.size(); ++i) EXPECT_GE(cosine(got[i], right[i]), 0.999) << width;
  }
}

TEST_F(CudaEmbedder, TheSameCallTwiceGivesTheSameBits) {
  const Embedder embedder(weights(), options_for("cuda", "bf16", 8));
  const auto bytes = crops(19);
  EXPECT_EQ(embed_all(embedder, bytes), embed_all(embedder, bytes));
}

TEST_F(CudaEmbedder, ManyThreadsAndInstancesGetTheirOwnVectors) {
  const auto bytes = crops(9);
  const auto right = embed_all(Embedder(weights(), options_for("cuda", "bf16", 4)), bytes);
  std::vector<std::thread> threads;
  std::vector<double> worst(4, 1.0);
  const Embedder shared(weights(), options_for("cuda", "bf16", 4));
  for (std::size_t t = 0; t < worst.size(); ++t) {
    threads.emplace_back([&, t] {
      const Embedder own(weights(), options_for("cuda", "bf16", 4));
      for (int round = 0; round < 20; ++round) {
        const auto got = embed_all(round % 2 == 0 ? own : shared, bytes);
        for (std::size_t i = 0; i < got.size(); ++i) {
          const double value = cosine(got[i], right[i]);
          if (!(value >= worst[t])) worst[t] = std::isnan(value) ? -1 : value;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const double value : worst) EXPECT_GE(value, 0.9999);
}

/// The image on the device, or in pinned memory of the host.
struct Uploaded {
  std::vector<torch::Tensor> planes;
  embed::ImageView view;
  Uploaded(const fixtures::Pixels& image, bool pinned) : view(image.view()) {
    view.cuda_device = 0;
    for (std::size_t i = 0; i < 3 && view.planes[i] != nullptr; ++i) {
      const auto size = static_cast<std::int64_t>(image.planes[i].size());
      torch::Tensor host = torch::empty({size}, torch::kUInt8);
      std::memcpy(host.data_ptr(), image.planes[i].data(), image.planes[i].size());
      planes.push_back(pinned ? host.pin_memory() : host.to(torch::kCUDA));
      view.planes[i] = planes[i].data_ptr<std::uint8_t>();
    }
    torch::cuda::synchronize();
  }
};

TEST_F(CudaEmbedder, TakesFramesFromTheDevice) {
  const auto image = fixtures::make_image(embed::PixelFormat::Nv12, 640, 480, 0, 5);
  std::vector<embed::FaceRegion> regions(11);
  for (std::size_t i = 0; i < regions.size(); ++i) {
    regions[i].box = {40.0F * static_cast<float>(i), 20.0F * static_cast<float>(i),
                      90.0F + 9 * static_cast<float>(i), 110};
  }
  const Embedder embedder(weights(), options_for("cuda", "fp32", 4));
  const auto right = embedder.embed(image.view(), regions);
  for (const bool pinned : {false, true}) {
    const Uploaded there(image, pinned);
    const auto got = embedder.embed(there.view, regions);
    ASSERT_EQ(got.size(), right.size());
    for (std::size_t i = 0; i < got.size(); ++i) EXPECT_GE(cosine(got[i], right[i]), 0.9995) << i;
  }
  EXPECT_TRUE(embedder.embed(Uploaded(image, false).view, {}).empty());
}

TEST_F(CudaEmbedder, RefusesBadFramesBeforeAnythingRuns) {
  const auto image = fixtures::make_image(embed::PixelFormat::Rgb, 64, 64, 0, 5);
  Uploaded there(image, false);
  const Embedder embedder(weights(), options_for("cuda", "bf16", 4));
  std::vector<embed::FaceRegion> regions(2);
  regions[0].box = {1, 1, 30, 30};
  expect_error(ErrorCode::InvalidArgument, {"face region has no area"},
               [&] { embedder.embed(there.view, regions); });
  regions[1].box = {1, 1, 30, 30};
  there.view.cuda_device = 7;
  expect_error(ErrorCode::InvalidArgument, {"CUDA device 7", "cuda:0"},
               [&] { embedder.embed(there.view, regions); });
  there.view.cuda_device = 0;
  there.view.planes[0] = nullptr;
  expect_error(ErrorCode::InvalidArgument, {"plane 0 is missing"},
               [&] { embedder.embed(there.view, regions); });
}

TEST_F(CudaEmbedder, TheCpuTakesNoFramesFromTheDevice) {
  const auto image = fixtures::make_image(embed::PixelFormat::Rgb, 64, 64, 0, 5);
  const Uploaded there(image, true);
  const Embedder embedder(weights(), options_for("cpu", "fp32", 4));
  std::vector<embed::FaceRegion> regions(1);
  regions[0].box = {1, 1, 30, 30};
  expect_error(ErrorCode::InvalidArgument, {"CUDA device 0"}, [&] { embedder.embed(there.view, regions); });
}

}  // namespace
