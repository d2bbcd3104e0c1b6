// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "cli/torch_part.h"
#include "embed/embedder.h"

namespace training::cli {

/// The network of a weights file, ready to embed: embed::Embedder behind the module that brings LibTorch.
/// Thread-safe as that is.
class Network {
 public:
  /// Throws what embed::Embedder and torch_part throw.
  Network(const std::string& weights, const embed::EmbedderOptions& options)
      : embedder_(torch_part().make_embedder(weights, options)) {}

  const embed::ModelInfo& info() const noexcept { return embedder_->info(); }
  /// `crops`: [count, height, width, channels] uint8, C-contiguous, as crop_face makes them; `out`: [count]
  /// embeddings, the caller's.
  void embed_crops(const std::uint8_t* crops, std::size_t count, embed::Embedding* out) const {
    embedder_->embed_crops(crops, count, out);
  }

 private:
  std::unique_ptr<const TorchEmbedder> embedder_;
};

}  // namespace training::cli
