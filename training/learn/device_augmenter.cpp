// SPDX-License-Identifier: LGPL-2.1-or-later
#include "learn/device_augmenter.h"

#ifdef EMBED_HAVE_CUDA
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>

#include "data/augment/augment_kernels.h"
#endif

#include <cstring>

#include "embed/error.h"

namespace training {

namespace {

using embed::Error;
using embed::ErrorCode;

std::size_t packed_bytes(const TrainingSet& set) {
  return static_cast<std::size_t>(set.width()) * static_cast<std::size_t>(set.height()) *
         static_cast<std::size_t>(set.input().channels);
}

#ifdef EMBED_HAVE_CUDA
bool fits(const TrainingSet& set, torch::Device device) {
  const c10::cuda::CUDAGuard guard(device);
  std::size_t available = 0, all = 0;
  if (cudaMemGetInfo(&available, &all) != cudaSuccess) return false;
  return set.train().size() * packed_bytes(set) <= available / 2;
}
#endif

}  // namespace

std::unique_ptr<DeviceAugmenter> DeviceAugmenter::make(const TrainingSet& set, const TrainOptions& options,
                                                       torch::Device device) {
  if (options.augment_on == AugmentOn::Workers) return nullptr;
#ifdef EMBED_HAVE_CUDA
  if (device.is_cuda() && (options.augment_on == AugmentOn::Device || fits(set, device))) {
    const bool faces = options.augmentation == Augmentation::Face;
    return std::unique_ptr<DeviceAugmenter>(new DeviceAugmenter(set, faces, device));
  }
#endif
  if (options.augment_on == AugmentOn::Device)
    throw Error(ErrorCode::InvalidArgument, "--augment-on device is for training on a GPU");
  return nullptr;
}

DeviceAugmenter::DeviceAugmenter(const TrainingSet& set, bool faces, torch::Device device)
    : device_(device),
      faces_(faces),
      packed_width_(set.width()),
      packed_height_(set.height()),
      width_(set.input().width),
      height_(set.input().height),
      channels_(set.input().channels) {
  constexpr std::size_t kAtOnce = 64 << 20;
  const std::vector<PackedPicture>& images = set.train().images;
  std::vector<std::uint8_t> scratch;
  const std::size_t bytes = packed_bytes(set), rows = std::max<std::size_t>(1, kAtOnce / bytes);
  const auto wide = static_cast<std::int64_t>(bytes);
  pictures_ = torch::empty({static_cast<std::int64_t>(images.size()), wide},
                           torch::TensorOptions().dtype(torch::kUInt8).device(device));
  for (std::size_t first = 0; first < images.size(); first += rows) {
    const std::size_t count = std::min(rows, images.size() - first);
    const torch::Tensor part = torch::empty({static_cast<std::int64_t>(count), wide}, torch::kUInt8);
    for (std::size_t i = 0; i < count; ++i)
      std::memcpy(part.data_ptr<std::uint8_t>() + i * bytes, images[first + i].pixels(scratch), bytes);
    pictures_.narrow(0, static_cast<std::int64_t>(first), static_cast<std::int64_t>(count)).copy_(part);
  }
}

torch::Tensor DeviceAugmenter::apply(const std::vector<AugmentItem>& items) const {
  const auto count = static_cast<std::int64_t>(items.size());
  const torch::TensorOptions there = torch::TensorOptions().device(device_);
  torch::Tensor out = torch::empty({count, height_, width_, channels_}, there.dtype(torch::kUInt8));
#ifdef EMBED_HAVE_CUDA
  // Out of pinned memory the copy waits for nothing.
  const torch::Tensor list =
      torch::from_blob(const_cast<AugmentItem*>(items.data()),
                       {count * static_cast<std::int64_t>(sizeof(AugmentItem))}, torch::kUInt8)
          .pin_memory()
          .to(device_, /*non_blocking=*/true);
  const torch::Tensor values = torch::empty({2, out.numel()}, there.dtype(torch::kFloat32));
  const torch::Tensor curves = torch::empty({count, kCurve}, there.dtype(torch::kFloat32));
  AugmentJob job;
  job.pictures = pictures_.data_ptr<std::uint8_t>();
  job.items = static_cast<const AugmentItem*>(list.data_ptr());
  job.count = count;
  job.packed_width = packed_width_;
  job.packed_height = packed_height_;
  job.width = width_;
  job.height = height_;
  job.channels = channels_;
  job.values = values.data_ptr<float>();
  job.scratch = job.values + out.numel();
  job.curves = curves.data_ptr<float>();
  job.out = out.data_ptr<std::uint8_t>();
  job.jpeg = jpeg_tables();
  const c10::cuda::CUDAGuard guard(device_);
  launch_augmentation(job, faces_, c10::cuda::getCurrentCUDAStream().stream());
#endif
  return out;
}

}  // namespace training
