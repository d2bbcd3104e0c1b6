// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/embedder.h"

#include <algorithm>
#include <deque>
#include <mutex>

#include "embed/error.h"
#include "embed/preprocess.h"
#include "net/load/load_net.h"

namespace embed {

struct Embedder::Impl {
  LoadedNet loaded;
  std::size_t batch_size;
  // A pass that is spread over all threads takes all lanes, for two at once only get in each other's way; one
  // that stays on its thread takes its own.
  mutable std::deque<std::mutex> lanes;

  Impl(const std::string& weights_file, const EmbedderOptions& options)
      : loaded(load_net(weights_file, options)), batch_size(options.batch_size), lanes(loaded.net->lanes()) {}

  /// All lanes, while it lives.
  class Pass {
   public:
    explicit Pass(std::deque<std::mutex>& lanes) : lanes_(lanes) {
      for (std::mutex& lane : lanes_) lane.lock();
    }
    ~Pass() {
      for (std::mutex& lane : lanes_) lane.unlock();
    }
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;

   private:
    std::deque<std::mutex>& lanes_;
  };

  /// A first pass of a size costs what its kernels cost to make: paid here, not in the stream.
  void warm_up() const {
    std::vector<std::uint8_t> black(crop_bytes(loaded.info.input) * batch_size);
    std::vector<Embedding> out(batch_size);
    try {
      for (const std::size_t size : {std::size_t{1}, batch_size}) run(black.data(), size, out.data());
    } catch (const Error& error) {
      throw Error(
          error.code() == ErrorCode::Device ? ErrorCode::Unsupported : error.code(),
          "precision " + loaded.precision + " does not run on " + loaded.device + " (" + error.what() + ")");
    }
  }

  /// Any count where the net splits it up, else at most batch_size.
  void run(const std::uint8_t* crops, std::size_t count, Embedding* out) const {
    const Pass pass(lanes);
    loaded.net->forward(crops, count, out);
  }
};

Embedder::Embedder(const std::string& weights_file, const EmbedderOptions& options)
    : impl_(std::make_unique<Impl>(weights_file, options)) {
  impl_->warm_up();
}

Embedder::~Embedder() = default;

const ModelInfo& Embedder::info() const noexcept {
  return impl_->loaded.info;
}
const std::string& Embedder::device() const noexcept {
  return impl_->loaded.device;
}
const std::string& Embedder::precision() const noexcept {
  return impl_->loaded.precision;
}

std::string Embedder::backend() const {
  return impl_->loaded.net->name();
}

void Embedder::embed_crops(const std::uint8_t* crops, std::size_t count, Embedding* out) const {
  const std::size_t bytes = crop_bytes(info().input);
  const std::size_t most = impl_->loaded.net->splits() ? count : impl_->batch_size;
  for (std::size_t done = 0; done < count;) {
    const std::size_t pass = std::min(most, count - done);
    impl_->run(crops + done * bytes, pass, out + done);
    done += pass;
  }
}

std::size_t Embedder::lanes() const noexcept {
  return impl_->lanes.size();
}

void Embedder::embed_alone(std::size_t lane, const std::uint8_t* crops, std::size_t count,
                           Embedding* out) const {
  const std::lock_guard<std::mutex> pass(impl_->lanes[lane]);
  impl_->loaded.net->forward_alone(lane, crops, count, out);
}

std::vector<Embedding> Embedder::embed(const ImageView& image, const std::vector<FaceRegion>& regions) const {
  std::vector<Embedding> embeddings(regions.size());
  if (impl_->loaded.net->cuts(image)) {
    const Impl::Pass pass(impl_->lanes);
    impl_->loaded.net->forward_regions(image, regions, embeddings.data());
    return embeddings;
  }
  const std::size_t bytes = crop_bytes(info().input);
  std::vector<std::uint8_t> crops(bytes * regions.size());
  for (std::size_t i = 0; i < regions.size(); ++i) {
    crop_face(image, regions[i], info().input, crops.data() + i * bytes);
  }
  embed_crops(crops.data(), regions.size(), embeddings.data());
  return embeddings;
}

}  // namespace embed
