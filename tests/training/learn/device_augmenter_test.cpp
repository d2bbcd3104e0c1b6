// SPDX-License-Identifier: LGPL-2.1-or-later
#include "learn/device_augmenter.h"

#include <gtest/gtest.h>
#include <torch/cuda.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "data/prefetcher.h"
#include "embed/dataset.h"
#include "error_code.h"

namespace training {
namespace {

class DeviceAugmenterTest : public ::testing::Test {
 protected:
  DeviceAugmenterTest() {
    embed::DatasetWriter writer(50, 50, 3);
    Rng rng(1);
    std::vector<std::uint8_t> picture(50 * 50 * 3);
    for (int n = 0; n < 40; ++n) {
      for (std::size_t i = 0; i < picture.size(); ++i) {
        const double wave = 80 * std::sin(static_cast<double>(i) * 0.01 * (n + 1));
        picture[i] = static_cast<std::uint8_t>(std::clamp(128 + wave + 10 * rng.normal(), 0.0, 255.0));
      }
      writer.add(picture.data(), "person " + std::to_string(n / 4), "");
    }
    writer.set_context(1.25F);
    writer.write(path_);
    options_.data = {path_};
    options_.val_fraction = 0;
    options_.augmentation = Augmentation::Face;
    options_.loss = Loss::Triplet;
    options_.identities = 8;
    options_.images_each = 4;
    options_.mix_identities = 0.5;
    options_.workers = 3;
  }
  ~DeviceAugmenterTest() override { std::remove(path_.c_str()); }

  std::string path_ = ::testing::TempDir() + "device-augmenter-" + std::to_string(getpid());
  TrainOptions options_;
};

TEST_F(DeviceAugmenterTest, IsForGpus) {
  const TrainingSet set(options_);
  EXPECT_EQ(DeviceAugmenter::make(set, options_, torch::kCPU), nullptr);
  options_.augment_on = AugmentOn::Device;
  EXPECT_NE(error_of([&] { DeviceAugmenter::make(set, options_, torch::kCPU); }).find("--augment-on device"),
            std::string::npos);
}

TEST_F(DeviceAugmenterTest, MakesThePicturesOfTheWorkers) {
  if (!torch::cuda::is_available()) GTEST_SKIP() << "no usable GPU";
  const TrainingSet set(options_);
  const auto augmenter = DeviceAugmenter::make(set, options_, torch::Device(torch::kCUDA, 0));
  ASSERT_NE(augmenter, nullptr);
  const std::vector<BatchPlan> batches = epoch_batches(options_, set.train().labels, set.train().classes, 0);
  Prefetcher workers(set, options_, 0, batches, 0);
  Prefetcher items(set, options_, 0, batches, 0, {}, Prefetcher::Make::Items);
  Batch made, drawn;
  std::size_t count = 0, other = 0;
  while (workers.next(made)) {
    ASSERT_TRUE(items.next(drawn));
    const torch::Tensor pictures = augmenter->apply(drawn.items).cpu();
    ASSERT_EQ(static_cast<std::size_t>(pictures.numel()), made.pictures.size());
    const auto* bytes = pictures.data_ptr<std::uint8_t>();
    for (std::size_t i = 0; i < made.pictures.size(); ++i) {
      ++count;
      // The GPU's powers differ in their last digit; a frequency that they push over a half moves a block.
      other += std::abs(bytes[i] - made.pictures[i]) > 1;
    }
  }
  EXPECT_FALSE(items.next(drawn));
  EXPECT_GT(count, 40U * 40 * 40 * 3 / 2);
  EXPECT_LT(other, count / 500);
}

}  // namespace
}  // namespace training
