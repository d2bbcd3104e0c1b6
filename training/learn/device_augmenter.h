// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <torch/types.h>

#include <memory>
#include <vector>

#include "data/augment/augment_plan.h"
#include "data/training_set.h"
#include "options/train_options.h"

namespace training {

/// Augmenter on a GPU, for whole batches: the training pictures lie in its memory and what is drawn for them
/// on the CPU is carried out there, by the same arithmetic. Used by one thread.
class DeviceAugmenter {
 public:
  /// Null where Augmenter's threads do the work: on the CPU, with TrainOptions::augment_on Workers, and with
  /// Auto when the pictures would take more than half of the GPU's free memory. Throws
  /// embed::Error(InvalidArgument) for Device without a GPU, or in a build without CUDA.
  static std::unique_ptr<DeviceAugmenter> make(const TrainingSet& set, const TrainOptions& options,
                                               torch::Device device);

  /// [items, height, width, channels] uint8 on the device, queued on the current stream.
  torch::Tensor apply(const std::vector<AugmentItem>& items) const;

 private:
  DeviceAugmenter(const TrainingSet& set, bool faces, torch::Device device);

  torch::Device device_;
  bool faces_;
  int packed_width_, packed_height_, width_, height_, channels_;
  torch::Tensor pictures_;  // [N, bytes of a packed picture] uint8
};

}  // namespace training
