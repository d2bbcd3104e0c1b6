// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "embed/embedding.h"
#include "embed/image_view.h"
#include "embed/model_info.h"

namespace embed {

/// How to run a model. The same names and defaults as the element's properties and the tools' flags
/// (options.h).
struct EmbedderOptions {
  std::string device =
      "auto";  ///< "auto" (CUDA where there is a usable GPU, else CPU), "cpu", "cuda", "cuda:N".
  std::string precision =
      "auto";  ///< "auto" (the fastest the device has natively), "fp32", "bf16", "fp16", "int8".
  std::size_t batch_size = 16;  ///< Most faces in one forward pass, 1 to 1024.
  /// Threads of a pass on the CPU, 0 to 1024; 0: as many as the process may use CPUs (affinity, cgroup quota
  /// and OMP_NUM_THREADS are heeded). Where LibTorch does the work it uses its own pool.
  int threads = 0;
};

class SharedEmbedder;

/// Turns face crops into embeddings. Load once, use from many threads: every const member is thread-safe
/// (calls are serialised inside). No LibTorch type shows here.
class Embedder {
 public:
  /// Reads the weights file, lays the weights out for the device and runs one batch of each size it will use.
  /// Throws Error(NotFound | Io | Format) for the file, Error(Unsupported | Device) for device and precision.
  explicit Embedder(const std::string& weights_file, const EmbedderOptions& options = {});
  ~Embedder();
  Embedder(const Embedder&) = delete;
  Embedder& operator=(const Embedder&) = delete;

  const ModelInfo& info() const noexcept;
  /// What "auto" became: "cpu" or "cuda:N".
  const std::string& device() const noexcept;
  /// What "auto" became: "fp32", "bf16", "fp16" or "int8".
  const std::string& precision() const noexcept;
  /// What computes: "avx512-bf16", "amx-bf16" and the like for our own kernels, "cuda-graphs" on a GPU,
  /// "libtorch" else.
  std::string backend() const;

  /// `crops`: [count, height, width, channels] uint8, C-contiguous, as crop_face makes them; `out`: [count]
  /// embeddings, the caller's. Any count (0 does nothing); runs in passes of at most batch_size.
  /// Throws Error(Device | OutOfMemory).
  void embed_crops(const std::uint8_t* crops, std::size_t count, Embedding* out) const;

  /// Cuts and embeds the regions of one image, in their order. An image that a CUDA device is to read
  /// (ImageView::cuda_device) is cut there, and must be this embedder's device. Throws as crop_face and
  /// embed_crops.
  std::vector<Embedding> embed(const ImageView& image, const std::vector<FaceRegion>& regions) const;

 private:
  friend class SharedEmbedder;
  /// Passes that can run beside each other, each on one thread: 1 where all work on one pass together.
  std::size_t lanes() const noexcept;
  /// As embed_crops, on the calling thread alone; one call for each lane at a time. For more than one lane.
  void embed_alone(std::size_t lane, const std::uint8_t* crops, std::size_t count, Embedding* out) const;

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace embed
