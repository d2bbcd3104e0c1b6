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
  /// Threads of a pass on the CPU, 0 to 1024. 0: usable_cpus() of them; where the system has slow CPUs too
  /// and the process may run on all, these threads stay on the fast ones. Where LibTorch computes, it uses
  /// its own pool.
  int threads = 0;
};

class SharedEmbedder;

/// Turns crops into embeddings. Load once, use from many threads: const members are thread-safe, and their
/// calls are serialised inside.
class Embedder {
 public:
  /// Reads the weights file, lays the weights out for the device and runs one pass of each size that it will
  /// use, so that later ones are fast.
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
  /// What computes: "avx512-bf16", "neon", "portable" and the like for this library's own kernels,
  /// "cuda-graphs" on a GPU, else "libtorch".
  std::string backend() const;

  /// `crops`: [count, height, width, channels] uint8, C-contiguous, as crop_face makes them. `out`: [count]
  /// embeddings. Both are owned by the caller. Any count is allowed (0 does nothing); it is split into passes
  /// of at most batch_size. Throws Error(Device | OutOfMemory).
  void embed_crops(const std::uint8_t* crops, std::size_t count, Embedding* out) const;

  /// Cuts and embeds the regions of one image, in their order. An image that a CUDA device reads
  /// (ImageView::cuda_device) is cut there; the device must be this embedder's. Throws as crop_face and
  /// embed_crops do.
  std::vector<Embedding> embed(const ImageView& image, const std::vector<FaceRegion>& regions) const;

 private:
  friend class SharedEmbedder;
  /// How many passes can run beside each other, each on one thread; 1 where all threads share one pass.
  std::size_t lanes() const noexcept;
  /// As embed_crops, on the calling thread alone. At most one call a lane at a time, and only where lanes()
  /// is more than 1.
  void embed_alone(std::size_t lane, const std::uint8_t* crops, std::size_t count, Embedding* out) const;

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace embed
