// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "embed/embedding.h"
#include "embed/image_view.h"
#include "embed/model_info.h"
#include "net/cpu/net_parameters.h"
#include "net/net.h"

namespace embed::gpu {

/// The network on one CUDA device. Everything is allocated at creation; a pass is a copy from pinned memory,
/// one launch of a captured graph (of the smallest of the sizes 1, 2, 4, …, `batch` that holds it) and a copy
/// back, on streams of this instance, and one wait. While the device works on a pass the next one is staged
/// and copied to it. One thread at a time; instances are independent.
class CudaNet : public Net {
 public:
  /// `precision` is float32, bfloat16 or float16; `batch`: pictures that a pass has at most. Throws
  /// c10::Error, Error(Device | Unsupported).
  CudaNet(const cpu::NetParameters& parameters, const InputSpec& input, torch::Device device,
          torch::ScalarType precision, std::size_t batch);
  ~CudaNet() override;

  const char* name() const noexcept override { return "cuda-graphs"; }
  bool splits() const noexcept override { return true; }
  /// Crops in host memory, any number of them.
  void forward(const std::uint8_t* crops, std::size_t count, Embedding* out) override;

  /// An image that a CUDA device can read (image.cuda_device); Error(InvalidArgument), before anything is
  /// queued, when it is not this one.
  bool cuts(const ImageView& image) const noexcept override { return image.cuda_device >= 0; }
  void forward_regions(const ImageView& image, const std::vector<FaceRegion>& regions,
                       Embedding* out) override;

  /// Queues one pass of `count` ≤ batch crops in the device's memory; the vectors stay there. For benchmarks:
  /// what the network takes without the ways to and from it.
  void queue(const std::uint8_t* device_crops, std::size_t count);
  /// Waits for all that is queued.
  void synchronize();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace embed::gpu
