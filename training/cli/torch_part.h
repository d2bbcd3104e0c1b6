// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "convert/weights_import.h"
#include "embed/embedder.h"
#include "learn/trainer.h"

/// What of triplet-train needs LibTorch. It lies in a module that is loaded when it is first asked for, since
/// loading LibTorch takes longer than all that the other commands do.
namespace training::cli {

/// embed::Embedder, as the program sees it: the same functions, errors and thread safety.
class TorchEmbedder {
 public:
  virtual ~TorchEmbedder() = default;
  virtual const embed::ModelInfo& info() const noexcept = 0;
  virtual void embed_crops(const std::uint8_t* crops, std::size_t count, embed::Embedding* out) const = 0;
};

/// The module's functions. Each does, and throws, what libembed's or libtraining's of the same name does.
class TorchPart {
 public:
  virtual ~TorchPart() = default;
  virtual std::unique_ptr<const TorchEmbedder> make_embedder(const std::string& weights,
                                                             const embed::EmbedderOptions& options) const = 0;
  virtual TrainResult train(const TrainOptions& options, TrainObserver& observer,
                            const std::atomic<bool>& stop, Teacher* teacher) const = 0;
  virtual void export_onnx(const std::string& weights, const std::string& path) const = 0;
  virtual ImportReport import_weights(const std::string& source, const std::string& out,
                                      const ImportOptions& options) const = 0;
  virtual void whiten_weights(const std::string& weights, const std::vector<embed::Embedding>& embeddings,
                              double power, const std::string& out) const = 0;
};

/// The module's file, and the one function that it shows: TorchPartFunction by the name kTorchPartSymbol. It
/// takes the program's version and gives null for another than its own, since classes pass between the two.
constexpr const char* kTorchPartFile = "libtriplet-train-torch.so";
constexpr const char* kTorchPartSymbol = "triplet_train_torch_part";
using TorchPartFunction = const TorchPart* (*)(const char* version);

/// Loads the module at the first call; it stays loaded. Thread-safe. Throws embed::Error(NotFound) when it
/// cannot be loaded and Error(Mismatch) when it is of another version.
const TorchPart& torch_part();

}  // namespace training::cli
