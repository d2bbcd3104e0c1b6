// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/shared_embedder.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <thread>
#include <vector>

#include "embed/preprocess.h"
#include "error_matchers.h"
#include "fixtures.h"

namespace {

using embed::EmbedderOptions;
using embed::ErrorCode;
using embed::share_embedder;
using testing_errors::expect_error;

std::string small_weights(const std::string& name, std::uint64_t seed = 1) {
  fixtures::WeightsOptions options;
  options.seed = seed;
  options.input.width = options.input.height = 16;
  return fixtures::write_weights(fixtures::temp_dir() + "/" + name, options);
}

const EmbedderOptions kOnCpu{"cpu", "fp32", 4};

/// Without LibTorch, not every CPU computes in every precision.
bool runs(const std::string& path, const char* precision) {
  try {
    const embed::Embedder embedder(path, {"cpu", precision, 1});
  } catch (const embed::Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::Unsupported) << error.what();
    return false;
  }
  return true;
}

TEST(SharedEmbedder, IsOneForTheSameFileDeviceAndPrecision) {
  const std::string path = small_weights("shared.safetensors");
  {
    const auto first = share_embedder(path, kOnCpu);
    EXPECT_EQ(share_embedder(path, kOnCpu), first);
    EXPECT_EQ(share_embedder(path, {"cpu", "fp32", 16}), first) << "the first one's batch size stays";
    EXPECT_EQ(first->queue().batch_size(), 4U);
    EXPECT_EQ(share_embedder(path, {"cpu", "fp32", 4, 1}), first) << "and its threads";
    std::filesystem::create_symlink(path, fixtures::temp_dir() + "/link.safetensors");
    EXPECT_EQ(share_embedder(fixtures::temp_dir() + "/link.safetensors", kOnCpu), first);
    if (runs(path, "bf16")) {
      EXPECT_NE(share_embedder(path, {"cpu", "bf16", 4}), first);
    }
    EXPECT_NE(share_embedder(small_weights("another.safetensors", 2), kOnCpu), first);
    EXPECT_EQ(embed::shared_embedders(), 1U) << "those that nobody kept are gone";
    const auto automatic = share_embedder(path, {"auto", "auto", 4});
    EXPECT_EQ(share_embedder(path, {automatic->embedder().device(), automatic->embedder().precision(), 4}),
              automatic);
  }
  EXPECT_EQ(embed::shared_embedders(), 0U);
}

TEST(SharedEmbedder, AReplacedFileIsAnotherModel) {
  const std::string path = small_weights("replaced.safetensors");
  const auto before = share_embedder(path, kOnCpu);
  std::filesystem::rename(small_weights("new.safetensors", 3), path);
  const auto after = share_embedder(path, kOnCpu);
  EXPECT_NE(before, after);
  EXPECT_NE(before->embedder().info().sha256, after->embedder().info().sha256);
}

TEST(SharedEmbedder, AFileWrittenOverInPlaceIsAnotherModel) {
  const std::string path = small_weights("in-place.safetensors");
  const auto before = share_embedder(path, kOnCpu);
  // Of the same size, and within the same second.
  const auto written = std::filesystem::last_write_time(path);
  const std::string other = small_weights("other.safetensors", 3);
  ASSERT_EQ(std::filesystem::file_size(path), std::filesystem::file_size(other));
  std::filesystem::copy_file(other, path, std::filesystem::copy_options::overwrite_existing);
  std::filesystem::last_write_time(path, written + std::chrono::nanoseconds(1));
  const auto after = share_embedder(path, kOnCpu);
  EXPECT_NE(before, after);
}

TEST(SharedEmbedder, IdsKeepModelsApartAndMustAgree) {
  const std::string path = small_weights("ids.safetensors");
  const auto plain = share_embedder(path, kOnCpu);
  const auto left = share_embedder(path, kOnCpu, "left"), right = share_embedder(path, kOnCpu, "right");
  EXPECT_NE(left, plain);
  EXPECT_NE(left, right);
  EXPECT_EQ(share_embedder(path, kOnCpu, "left"), left);
  EXPECT_EQ(share_embedder(path, {"cpu", "fp32", 4, 1}, "left"), left);
  expect_error(ErrorCode::Mismatch, {"model-instance-id 'left'", "other weights"},
               [] { share_embedder(small_weights("other-ids.safetensors", 2), kOnCpu, "left"); });
  expect_error(ErrorCode::Mismatch, {"model-instance-id 'left'", "bf16"}, [&] {
    share_embedder(path, {"cpu", "bf16", 4}, "left");
  });
}

TEST(SharedEmbedder, ThreadsThatAskAtOnceLoadItOnce) {
  const std::string path = small_weights("at-once.safetensors");
  std::vector<std::shared_ptr<embed::SharedEmbedder>> got(4);
  std::vector<std::thread> threads;
  for (auto& one : got) threads.emplace_back([&] { one = share_embedder(path, kOnCpu); });
  for (std::thread& thread : threads) thread.join();
  for (const auto& one : got) EXPECT_EQ(one, got[0]);
}

TEST(SharedEmbedder, SaysWhatIsWrongEachTime) {
  for (int i = 0; i < 2; ++i) {
    expect_error(ErrorCode::NotFound, {"/nonexistent/w.safetensors"},
                 [] { share_embedder("/nonexistent/w.safetensors", kOnCpu); });
    expect_error(ErrorCode::InvalidArgument, {"device 'tpu'"}, [] {
      share_embedder("/nonexistent/w.safetensors", {"tpu", "fp32", 4});
    });
  }
  EXPECT_EQ(embed::shared_embedders(), 0U);
}

TEST(SharedEmbedder, ItsQueueGivesTheEmbeddersVectors) {
  const auto shared = share_embedder(small_weights("queue.safetensors"), kOnCpu);
  const std::size_t bytes = embed::crop_bytes(shared->embedder().info().input);
  const std::shared_ptr<embed::BatchQueue> queue(shared, &shared->queue());
  embed::BatchClient a(queue, std::chrono::nanoseconds(0)), b(queue, std::chrono::nanoseconds(0));
  std::vector<std::shared_ptr<embed::BatchRequest>> requests;
  for (std::uint64_t i = 0; i < 6; ++i) {
    const auto crop = fixtures::rgb_pattern(16, 16, i);
    requests.push_back(std::make_shared<embed::BatchRequest>());
    std::copy(crop.begin(), crop.end(), requests.back()->prepare(1, bytes));
    (i % 2 == 0 ? a : b).submit(requests.back());
  }
  for (std::uint64_t i = 0; i < 6; ++i) {
    ASSERT_TRUE((i % 2 == 0 ? a : b).wait(*requests[i]));
    embed::Embedding expected{};
    shared->embedder().embed_crops(fixtures::rgb_pattern(16, 16, i).data(), 1, &expected);
    EXPECT_LT(embed::distance(embed::Metric::Cosine, expected, requests[i]->embeddings()[0]), 1e-5F);
  }
}

}  // namespace
