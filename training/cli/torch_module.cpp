// SPDX-License-Identifier: LGPL-2.1-or-later
// libtriplet-train-torch.so: torch_part.h over libembed and libtraining.
#include <cstring>

#include "cli/torch_part.h"
#include "convert/onnx_export.h"
#include "convert/whitening.h"

namespace training::cli {

namespace {

class LoadedEmbedder : public TorchEmbedder {
 public:
  LoadedEmbedder(const std::string& weights, const embed::EmbedderOptions& options)
      : embedder_(weights, options) {}
  const embed::ModelInfo& info() const noexcept override { return embedder_.info(); }
  void embed_crops(const std::uint8_t* crops, std::size_t count, embed::Embedding* out) const override {
    embedder_.embed_crops(crops, count, out);
  }

 private:
  embed::Embedder embedder_;
};

class LoadedPart : public TorchPart {
 public:
  std::unique_ptr<const TorchEmbedder> make_embedder(const std::string& weights,
                                                     const embed::EmbedderOptions& options) const override {
    return std::make_unique<const LoadedEmbedder>(weights, options);
  }
  TrainResult train(const TrainOptions& options, TrainObserver& observer, const std::atomic<bool>& stop,
                    Teacher* teacher) const override {
    return training::train(options, observer, stop, teacher);
  }
  void export_onnx(const std::string& weights, const std::string& path) const override {
    training::export_onnx(weights, path);
  }
  ImportReport import_weights(const std::string& source, const std::string& out,
                              const ImportOptions& options) const override {
    return training::import_weights(source, out, options);
  }
  void whiten_weights(const std::string& weights, const std::vector<embed::Embedding>& embeddings,
                      double power, const std::string& out) const override {
    training::whiten_weights(weights, embeddings, power, out);
  }
};

}  // namespace

}  // namespace training::cli

extern "C" [[gnu::visibility("default")]] const training::cli::TorchPart* triplet_train_torch_part(
    const char* version) {
  static const training::cli::LoadedPart part;
  return std::strcmp(version, TRIPLETEMBED_VERSION) == 0 ? &part : nullptr;
}
