// SPDX-License-Identifier: LGPL-2.1-or-later
// Work that comes again and again takes no memory once it is warm: this program counts every allocation of
// the process, in all of its threads and libraries.
#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "embed/batch_queue.h"
#include "embed/embedder.h"
#include "embed/error.h"
#include "embed/preprocess.h"
#include "embed/presence.h"
#include "embed/shared_embedder.h"
#include "embed/tracker.h"
#include "fixtures.h"

namespace {
std::atomic<std::size_t> allocations{0};
std::atomic<bool> counting{false};

void* counted(void* memory) {
  if (counting.load(std::memory_order_relaxed)) ++allocations;
  return memory;
}
}  // namespace

// glibc's allocator under its other names: memory from it can be freed by the free() that stays in place.
extern "C" {
// NOLINTBEGIN(bugprone-reserved-identifier)
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
// NOLINTEND(bugprone-reserved-identifier)

void* malloc(std::size_t size) {
  return counted(__libc_malloc(size));
}
void* calloc(std::size_t count, std::size_t size) {
  return counted(__libc_calloc(count, size));
}
void* realloc(void* memory, std::size_t size) {
  return counted(__libc_realloc(memory, size));
}
void* memalign(std::size_t alignment, std::size_t size) {
  return counted(__libc_memalign(alignment, size));
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
  return counted(__libc_memalign(alignment, size));
}
int posix_memalign(void** memory, std::size_t alignment, std::size_t size) {
  *memory = counted(__libc_memalign(alignment, size));
  return *memory == nullptr ? ENOMEM : 0;
}
}

namespace {

using embed::Embedder;
using embed::EmbedderOptions;
using embed::Embedding;

constexpr int kSide = 64;

std::size_t allocations_in(const std::function<void()>& work) {
  allocations = 0;
  counting = true;
  work();
  counting = false;
  return allocations;
}

const std::string& weights() {
  static const std::string path = fixtures::write_weights(fixtures::temp_dir() + "/allocations.safetensors");
  return path;
}

TEST(Allocations, AreCounted) {
  // Through a volatile pointer, or the compiler leaves out what nobody looks at.
  void* volatile kept = nullptr;
  EXPECT_EQ(allocations_in([&] { kept = std::malloc(10); }), 1U);
  std::free(kept);
  EXPECT_EQ(allocations_in([&] { kept = ::operator new(10); }), 1U);
  ::operator delete(kept);
  std::unique_ptr<std::vector<int>> made;
  EXPECT_EQ(allocations_in([&] { made = std::make_unique<std::vector<int>>(10); }), 2U);
}

class Warm : public ::testing::TestWithParam<const char*> {};

TEST_P(Warm, APassAllocatesNothing) {
  // In software a pass takes seconds, and LibTorch's layers are what computes it.
  static const std::string automatic = Embedder(weights(), {"cpu", "auto", 1}).precision();
  if (GetParam() == std::string("bf16") && automatic != "bf16") GTEST_SKIP() << "no bf16 in this CPU";
  EmbedderOptions options;
  options.device = "cpu";
  options.precision = GetParam();
  options.batch_size = 8;
  std::unique_ptr<Embedder> embedder;
  try {
    embedder = std::make_unique<Embedder>(weights(), options);
  } catch (const embed::Error& error) {
    GTEST_SKIP() << error.what();
  }
  if (embedder->backend() == "libtorch") GTEST_SKIP() << "no kernels of our own for this CPU";
  constexpr std::size_t kMost = 19;  // Two whole passes, and three more.
  std::vector<std::uint8_t> crops;
  for (std::size_t i = 0; i < kMost; ++i) {
    const auto one = fixtures::rgb_pattern(kSide, kSide, i);
    crops.insert(crops.end(), one.begin(), one.end());
  }
  std::vector<Embedding> out(kMost);
  for (const std::size_t count : {std::size_t{1}, std::size_t{5}, std::size_t{8}, kMost}) {
    EXPECT_EQ(allocations_in([&] {
                for (int i = 0; i < 3; ++i) embedder->embed_crops(crops.data(), count, out.data());
              }),
              0U)
        << count << " faces";
  }
}

INSTANTIATE_TEST_SUITE_P(EachPrecision, Warm, ::testing::Values("fp32", "bf16", "int8"),
                         [](const auto& tested) { return std::string(tested.param); });

TEST(Allocations, FacesAreFollowedWithoutAny) {
  const Embedding embedding = fixtures::random_embedding(1);
  std::vector<embed::TrackerDetection> detections;
  for (int i = 0; i < 10; ++i)
    detections.push_back(
        {{100.0F * static_cast<float>(i), 50, 60, 60}, i % 3 == 0 ? 0.5F : 0.9F, 0, &embedding});
  embed::Tracker tracker;
  // Faces that are found, missed, lost and taken up again.
  const auto once = [&] {
    tracker.update(detections.data(), 10);
    tracker.predict();
    for (auto& detection : detections) detection.box.y += 2;
    tracker.update(detections.data() + 3, 5);
    tracker.update(detections.data(), 10);
    detections[7].box.x += 300;
  };
  for (int i = 0; i < 5; ++i) once();
  EXPECT_EQ(allocations_in(once), 0U);
}

TEST(Allocations, WhoIsThereStaysWithoutAny) {
  embed::PresenceFace faces[4];
  for (int i = 0; i < 4; ++i) {
    faces[i].track = i;  // The first has none.
    faces[i].named = i != 3;
    faces[i].label = i == 3 ? "nobody whom this gallery knows" : "somebody with a name of some length";
    faces[i].reason = i == 3 ? "no reason that fits into a string by itself" : "";
  }
  embed::Presence presence;
  std::uint64_t now = 0;
  const auto once = [&] { presence.update(faces, 4, {now += 40'000'000, 0}); };
  for (int i = 0; i < 20; ++i) once();
  EXPECT_EQ(presence.size(), 4U);
  EXPECT_EQ(allocations_in(once), 0U);
}

TEST(Allocations, AFaceGoesThroughTheQueueWithoutAny) {
  EmbedderOptions options{"cpu", "fp32", 8};
  const auto shared = embed::share_embedder(weights(), options);
  if (shared->embedder().backend() == "libtorch") GTEST_SKIP() << "no kernels of our own for this CPU";
  const std::size_t bytes = shared->queue().crop_bytes();
  embed::BatchClient client({shared, &shared->queue()}, std::chrono::nanoseconds(0));
  const auto crop = fixtures::rgb_pattern(kSide, kSide, 1);
  const auto request = std::make_shared<embed::BatchRequest>();
  const auto once = [&] {
    std::copy(crop.begin(), crop.end(), request->prepare(1, bytes));
    client.submit(request);
    EXPECT_TRUE(client.wait(*request));
  };
  for (int i = 0; i < 3; ++i) once();
  EXPECT_EQ(allocations_in([&] {
              for (int i = 0; i < 20; ++i) once();
            }),
            0U);
}

TEST(Allocations, AFaceIsCutWithoutAny) {
  const auto picture = fixtures::make_image(embed::PixelFormat::Nv12, 640, 480);
  const Embedder embedder(weights(), {"cpu", "fp32", 1});
  const embed::InputSpec& input = embedder.info().input;
  std::vector<std::uint8_t> crop(embed::crop_bytes(input));
  embed::FaceRegion region;
  region.box = {100, 80, 150, 170};
  const auto once = [&] { embed::crop_face(picture.view(), region, input, crop.data()); };
  once();
  EXPECT_EQ(allocations_in(once), 0U);
}

}  // namespace
