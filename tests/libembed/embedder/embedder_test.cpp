// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/embedder.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/cpu_features.h"
#include "embed/batch_queue.h"
#include "embed/preprocess.h"
#include "embedder_fixture.h"
#include "error_matchers.h"
#include "fixtures.h"
#include "net/load/placement.h"

namespace {

using namespace embedder_fixture;
using embed::Embedder;
using embed::EmbedderOptions;
using embed::Embedding;
using embed::ErrorCode;
using embed::Head;
using testing_errors::expect_error;

TEST(Embedder, ASmallerCpuGivesTheSameVectors) {
  const auto pictures = crops(3);
  std::vector<Embedding> here(3), there(3);
  shared_embedder().embed_crops(pictures.data(), 3, here.data());
  embed::CpuFeatures avx2;
  avx2.avx2 = embed::cpu_features().avx2;
  for (const auto& [features, backend] :
       {std::pair{embed::CpuFeatures{}, "portable"}, std::pair{avx2, avx2.avx2 ? "avx2" : "portable"}}) {
    const embed::CpuFeaturesMask mask(features);
    const Embedder embedder(weights(), on_cpu());
    EXPECT_EQ(embedder.backend(), backend);
    embedder.embed_crops(pictures.data(), 3, there.data());
    for (std::size_t i = 0; i < 3; ++i) EXPECT_GE(cosine(here[i], there[i].data()), 0.9999);
  }
}

TEST(Embedder, DifferentPicturesGetDifferentUnitVectors) {
  const auto vectors = embed_all(shared_embedder(), crops(6));
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    double square = 0;
    for (const float value : vectors[i]) square += static_cast<double>(value) * value;
    EXPECT_NEAR(square, 1, 1e-5);
    for (std::size_t j = 0; j < i; ++j) EXPECT_LT(cosine(vectors[i], vectors[j].data()), 0.99);
  }
}

TEST(Embedder, TheBatchDoesNotChangeTheVector) {
  const auto bytes = crops(11);
  const auto one_by_one = embed_all(Embedder(weights(), on_cpu("fp32", 1)), bytes);
  for (const std::size_t batch : {3U, 4U, 11U, 16U}) {
    const auto batched = embed_all(Embedder(weights(), on_cpu("fp32", batch)), bytes);
    for (std::size_t i = 0; i < one_by_one.size(); ++i) {
      EXPECT_GE(cosine(one_by_one[i], batched[i].data()), 0.999999) << batch << ' ' << i;
    }
  }
  shared_embedder().embed_crops(nullptr, 0, nullptr);
}

TEST(Embedder, TheSameCallTwiceGivesTheSameBits) {
  const auto bytes = crops(5);
  const auto first = embed_all(shared_embedder(), bytes), second = embed_all(shared_embedder(), bytes);
  EXPECT_EQ(std::memcmp(first.data(), second.data(), first.size() * sizeof(Embedding)), 0);
}

TEST(Embedder, EmbedCutsWhatCropFaceCuts) {
  const auto image = fixtures::make_image(embed::PixelFormat::Nv12, 320, 240, 4, 5);
  std::vector<embed::FaceRegion> regions(3);
  regions[0].box = {30, 40, 80, 90};
  regions[1].box = {250, 180, 100, 100};
  regions[2].box = {100, 60, 60, 60};
  regions[2].landmarks = embed::Landmarks{{{120, 80}, {140, 82}, {130, 92}, {122, 104}, {138, 105}}};
  const auto& input = shared_embedder().info().input;
  std::vector<std::uint8_t> bytes(3 * embed::crop_bytes(input));
  for (std::size_t i = 0; i < 3; ++i) {
    embed::crop_face(image.view(), regions[i], input, bytes.data() + i * embed::crop_bytes(input));
  }
  const auto expected = embed_all(shared_embedder(), bytes),
             got = shared_embedder().embed(image.view(), regions);
  ASSERT_EQ(got.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(got[i], expected[i]);
  EXPECT_TRUE(shared_embedder().embed(image.view(), {}).empty());
  regions[1].box.width = 0;
  expect_error(ErrorCode::InvalidArgument, {"face region"},
               [&] { shared_embedder().embed(image.view(), regions); });
}

TEST(Embedder, ManyThreadsGetTheirOwnVectors) {
  const auto expected = embed_all(shared_embedder(), crops(8));
  std::vector<double> worst(4, 1.0);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < worst.size(); ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t round = 0; round < 4; ++round) {
        const std::size_t i = (t + 3 * round) % 7;
        const auto got = embed_all(shared_embedder(), crops(2, 900 + i));
        for (std::size_t k = 0; k < 2; ++k)
          worst[t] = std::min(worst[t], cosine(got[k], expected[i + k].data()));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const double value : worst) EXPECT_GE(value, 0.999999);
}

TEST(Embedder, SaysWhatItBecame) {
  const Embedder& embedder = shared_embedder();
  EXPECT_EQ(embedder.device(), "cpu");
  EXPECT_EQ(embedder.precision(), "fp32");
  EXPECT_FALSE(embedder.backend().empty());
  EXPECT_EQ(embedder.info().head, Head::L2);
  EXPECT_EQ(embedder.info().threshold, 0.4F);
  EXPECT_EQ(embedder.info().sha256.size(), 64U);
  const Embedder automatic(weights());
  EXPECT_EQ(automatic.device(), embed::resolve_device("auto"));
  EXPECT_TRUE(automatic.precision() == "fp32" || automatic.precision() == "bf16") << automatic.precision();
}

TEST(Embedder, RefusesDevicesThatAreNotThere) {
  const auto refuse = [](const std::string& device, ErrorCode code,
                         std::initializer_list<std::string> fragments) {
    EmbedderOptions options = on_cpu();
    options.device = device;
    expect_error(code, fragments, [&] { Embedder embedder(weights(), options); });
  };
  for (const char* device : {"tpu", "", "CPU", "cpu:0", "gpu", " cpu"}) {
    refuse(device, ErrorCode::InvalidArgument,
           {"device '" + std::string(device) + "'", "auto, cpu, cuda, cuda:N"});
  }
  for (const char* device :
       {"cuda:", "cuda:x", "cuda:-1", "cuda:1x", "cudaX", "cuda 0", "cuda:9999999999999"}) {
    refuse(device, ErrorCode::InvalidArgument, {"device '" + std::string(device) + "'"});
  }
  refuse("cuda:99", ErrorCode::Device, {"cuda:99", "device=cpu"});
  if (embed::resolve_device("auto") == "cpu") refuse("cuda", ErrorCode::Device, {"not usable", "device=cpu"});
}

TEST(Embedder, RefusesPrecisionsAndBatchSizesOutOfRange) {
  for (const char* precision : {"fp64", "", "FP32", "int4", "float"}) {
    expect_error(ErrorCode::InvalidArgument,
                 {"precision '" + std::string(precision) + "'", "auto, fp32, bf16, fp16, int8"},
                 [&] { Embedder embedder(weights(), on_cpu(precision)); });
  }
  for (const std::size_t size : {std::size_t{0}, std::size_t{1025}, ~std::size_t{0}}) {
    expect_error(ErrorCode::InvalidArgument, {"batch-size", "1 to 1024"},
                 [&] { Embedder embedder(weights(), on_cpu("fp32", size)); });
  }
}

void expect_half_precision_or_why_not() {
  const bool own_kernels = embed::cpu_features().arm_f16;
  try {
    const Embedder embedder(weights(), on_cpu("fp16"));
    EXPECT_EQ(embedder.precision(), "fp16");
    EXPECT_EQ(embedder.backend() == "arm-fp16", own_kernels) << embedder.backend();
    EXPECT_GE(cosine(embed_all(shared_embedder(), crops(1))[0], embed_all(embedder, crops(1))[0].data()),
              0.999);
  } catch (const embed::Error& error) {
    EXPECT_FALSE(own_kernels);
    EXPECT_EQ(error.code(), ErrorCode::Unsupported) << error.what();
    EXPECT_THAT(error.what(), ::testing::AnyOf(::testing::HasSubstr("precision fp16 does not run on cpu"),
                                               ::testing::HasSubstr("this build is without LibTorch")));
  }
}

TEST(Embedder, HalfPrecisionOnTheCpuWorksOrSaysSo) {
  expect_half_precision_or_why_not();
  const embed::CpuFeaturesMask old_core({});
  expect_half_precision_or_why_not();
}

TEST(Embedder, EightBitsWorkOrSayWhatTheyNeed) {
  try {
    const Embedder embedder(weights(), on_cpu("int8"));
    EXPECT_EQ(embedder.precision(), "int8");
    EXPECT_THAT(embedder.backend(), ::testing::AnyOf("amx-int8", "avx512-vnni", "arm-dot", "arm-i8mm"));
  } catch (const embed::Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::Unsupported) << error.what();
    EXPECT_THAT(error.what(), ::testing::HasSubstr("int8 needs a CPU with AVX512-VNNI"));
  }
}

TEST(Embedder, EightBitsOnAnOldCoreAreRefusedWithWhatToTake) {
  const embed::CpuFeaturesMask old_core({});
  expect_error(ErrorCode::Unsupported, {"precision int8", "dot products", "take fp32, or auto"},
               [] { const Embedder embedder(weights(), on_cpu("int8")); });
  EXPECT_EQ(Embedder(weights(), on_cpu("auto")).precision(), "fp32");
}

TEST(Embedder, ThreadsAreAsAskedOrRefused) {
  EmbedderOptions options = on_cpu();
  const auto bytes = crops(3);
  const auto expected = embed_all(shared_embedder(), bytes);
  for (const int threads : {0, 1, 3}) {
    options.threads = threads;
    const auto got = embed_all(Embedder(weights(), options), bytes);
    for (std::size_t i = 0; i < got.size(); ++i) EXPECT_GE(cosine(got[i], expected[i].data()), 0.999999);
  }
  for (const int threads : {-1, 1025}) {
    options.threads = threads;
    expect_error(ErrorCode::InvalidArgument, {"threads", "1024"},
                 [&] { Embedder embedder(weights(), options); });
  }
}

/// While it lives, the process gets 1 GiB more than it has: room for the network.
class LittleMemory {
 public:
  LittleMemory() {
    std::size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    EXPECT_EQ(getrlimit(RLIMIT_AS, &before_), 0);
    rlimit little = before_;
    little.rlim_cur = pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) + (std::size_t{1} << 30);
    EXPECT_EQ(setrlimit(RLIMIT_AS, &little), 0);
  }
  ~LittleMemory() { setrlimit(RLIMIT_AS, &before_); }
  LittleMemory(const LittleMemory&) = delete;
  LittleMemory& operator=(const LittleMemory&) = delete;

 private:
  rlimit before_{};
};

/// Whether the system holds processes to such a limit: an emulator may not.
bool addresses_are_limited() {
  const LittleMemory limit;
  void* twice = mmap(nullptr, std::size_t{2} << 30, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (twice != MAP_FAILED) munmap(twice, std::size_t{2} << 30);
  return twice == MAP_FAILED;
}

TEST(Embedder, SaysThatThreadsCannotBeStarted) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the address sanitizer needs all addresses";
#endif
  if (!addresses_are_limited()) GTEST_SKIP() << "this system gives more addresses than its limit";
  {
    const Embedder loaded(weights(), on_cpu());  // What is loaded once is there before the limit.
  }
  EmbedderOptions options = on_cpu();
  options.threads = 1024;
  {
    const LittleMemory no_room_for_a_thousand_stacks;
    expect_error(ErrorCode::OutOfMemory, {"Resource temporarily unavailable"},
                 [&] { Embedder embedder(weights(), options); });
  }
  EXPECT_NO_THROW(Embedder(weights(), on_cpu()));
}

// The queue before a shared embedder. An embedder's own threads would be refused before it: it comes alone.
TEST(Embedder, SaysThatItsQueuesThreadCannotBeStarted) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the address sanitizer needs all addresses";
#endif
  if (!addresses_are_limited()) GTEST_SKIP() << "this system gives more addresses than its limit";
  const auto make = [] { embed::BatchQueue([](const std::uint8_t*, std::size_t, Embedding*) {}, 3, 4); };
  pthread_attr_t before, huge;
  ASSERT_EQ(pthread_getattr_default_np(&before), 0);
  ASSERT_EQ(pthread_getattr_default_np(&huge), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&huge, std::size_t{2} << 30), 0);
  ASSERT_EQ(pthread_setattr_default_np(&huge), 0);
  {
    const LittleMemory no_room_for_such_a_stack;
    expect_error(ErrorCode::OutOfMemory, {"batch queue", "Resource temporarily unavailable"}, make);
  }
  ASSERT_EQ(pthread_setattr_default_np(&before), 0);
  pthread_attr_destroy(&huge);
  pthread_attr_destroy(&before);
  EXPECT_NO_THROW(make());
}

TEST(Embedder, RefusesFilesThatAreNoWeights) {
  const std::string path = fixtures::temp_dir() + "/no-embedder.safetensors";
  expect_error(ErrorCode::NotFound, {path}, [&] { Embedder embedder(path, on_cpu()); });
  fixtures::write_bytes(path, std::string("weights"));
  expect_error(ErrorCode::Format, {path, "7 bytes"}, [&] { Embedder embedder(path, on_cpu()); });
  fixtures::write_gallery(path, weights(), {{"Ada", fixtures::random_embedding(1)}});
  expect_error(ErrorCode::Format, {path, "'tripletembed.weights' expected"},
               [&] { Embedder embedder(path, on_cpu()); });
}

}  // namespace
