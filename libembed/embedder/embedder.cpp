// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/embedder.h"

#include <torch/types.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <mutex>
#include <optional>
#include <system_error>

#include "base/usable_cpus.h"
#include "embed/error.h"
#include "embed/nn/weights.h"
#include "embed/preprocess.h"
#include "net/cpu/cpu_net.h"
#include "net/torch/device.h"
#include "net/torch/folding.h"
#include "net/torch/inference_net.h"
#ifdef EMBED_HAVE_CUDA
#include "net/cuda/cuda_net.h"
#endif

namespace embed {

namespace {

/// LibTorch's errors as ours; its message without the C++ backtrace.
template <typename Function>
auto guarded(const char* doing, Function&& function) {
  try {
    return function();
  } catch (const c10::Error& error) {
    const std::string text = error.what_without_backtrace();
    const bool memory = text.find("out of memory") != std::string::npos ||
                        text.find("not enough memory") != std::string::npos;
    throw Error(memory ? ErrorCode::OutOfMemory : ErrorCode::Device, std::string(doing) + ": " + text);
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::OutOfMemory, std::string(doing) + ": memory was refused");
  } catch (const std::system_error& error) {  // Of a thread that could not be started.
    throw Error(ErrorCode::OutOfMemory, std::string(doing) + ": " + error.what());
  }
}

/// Null where LibTorch has to do it.
const cpu::Kernels* own_kernels(const std::string& precision) {
  if (precision == "fp32") return cpu::kernels_for(cpu::Number::F32);
  if (precision == "bf16") return cpu::kernels_for(cpu::Number::BF16);
  return precision == "int8" ? cpu::kernels_for(cpu::Number::U8) : nullptr;
}

}  // namespace

struct Embedder::Impl {
  ModelInfo info;
  std::string device_name, precision_text;
  std::size_t batch_size = 1;
  // One of them: our own kernels where this machine has the instructions or a GPU, else LibTorch.
  std::unique_ptr<cpu::CpuNet> own;
#ifdef EMBED_HAVE_CUDA
  std::unique_ptr<gpu::CudaNet> cuda;
#endif
  std::optional<InferenceNet> torch_net;
  // A pass that is spread over all threads takes all lanes, for two at once only get in each other's way; one
  // that stays on its thread takes its own.
  mutable std::deque<std::mutex> lanes{1};

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

  void load(const std::string& weights_file, const EmbedderOptions& options) {
    if (options.batch_size < 1 || options.batch_size > 1024) {
      throw Error(ErrorCode::InvalidArgument, "batch-size: 1 to 1024 expected");
    }
    const torch::Device device = parse_device(options.device);
    if (options.threads < 0 || options.threads > 1024) {
      throw Error(ErrorCode::InvalidArgument, "threads: 0 (as many as there are CPUs) to 1024 expected");
    }
    precision_text = resolve_precision(options.precision, device);
    batch_size = options.batch_size;
    nn::LoadedModel model = nn::load_weights(weights_file);
    info = std::move(model.info);
    device_name = device.str();
    const c10::InferenceMode inference;
#ifdef EMBED_HAVE_CUDA
    if (device.is_cuda()) {
      cuda = std::make_unique<gpu::CudaNet>(folded_parameters(model.network, info), info.input, device,
                                            scalar_type(precision_text), batch_size);
      return;
    }
#endif
    if (const cpu::Kernels* kernels = device.is_cpu() ? own_kernels(precision_text) : nullptr) {
      const int threads = options.threads > 0 ? options.threads : usable_cpus();
      own = std::make_unique<cpu::CpuNet>(folded_parameters(model.network, info), info.input, *kernels,
                                          batch_size, threads);
      lanes.resize(static_cast<std::size_t>(own->threads()));
    } else {
      torch_net.emplace(model.network, info, device, scalar_type(precision_text));
    }
  }

  /// A first pass of a size costs what its kernels cost to make: paid here, not in the stream.
  void warm_up() const {
    std::vector<std::uint8_t> black(crop_bytes(info.input) * batch_size);
    std::vector<Embedding> out(batch_size);
    try {
      for (const std::size_t size : {std::size_t{1}, batch_size}) run(black.data(), size, out.data());
    } catch (const Error& error) {
      throw Error(
          error.code() == ErrorCode::Device ? ErrorCode::Unsupported : error.code(),
          "precision " + precision_text + " does not run on " + device_name + " (" + error.what() + ")");
    }
  }

  /// Any count where the device's own net splits it up, else at most batch_size.
  void run(const std::uint8_t* crops, std::size_t count, Embedding* out) const {
#ifdef EMBED_HAVE_CUDA
    if (cuda) {
      const Pass pass(lanes);
      return guarded("embedding", [&] { cuda->forward(crops, count, out); });
    }
#endif
    if (own) {
      const Pass pass(lanes);
      own->forward(crops, count, out);
      return;
    }
    guarded("embedding", [&] {
      const c10::InferenceMode inference;
      const InputSpec& input = info.input;
      // from_blob wants a pointer to non-const, and the pass only reads it.
      const torch::Tensor batch = torch::from_blob(
          const_cast<std::uint8_t*>(crops),
          {static_cast<std::int64_t>(count), input.height, input.width, input.channels}, torch::kUInt8);
      const Pass pass(lanes);
      const torch::Tensor values = torch_net->forward(batch);
      std::memcpy(out, values.data_ptr<float>(), count * sizeof(Embedding));
    });
  }
};

Embedder::Embedder(const std::string& weights_file, const EmbedderOptions& options)
    : impl_(std::make_unique<Impl>()) {
  guarded("loading", [&] { impl_->load(weights_file, options); });
  impl_->warm_up();
}

Embedder::~Embedder() = default;

const ModelInfo& Embedder::info() const noexcept {
  return impl_->info;
}
const std::string& Embedder::device() const noexcept {
  return impl_->device_name;
}
const std::string& Embedder::precision() const noexcept {
  return impl_->precision_text;
}

std::string Embedder::backend() const {
#ifdef EMBED_HAVE_CUDA
  if (impl_->cuda) return "cuda-graphs";
#endif
  return impl_->own ? impl_->own->kernels() : "libtorch";
}

void Embedder::embed_crops(const std::uint8_t* crops, std::size_t count, Embedding* out) const {
  const std::size_t bytes = crop_bytes(impl_->info.input);
  std::size_t most = impl_->batch_size;
#ifdef EMBED_HAVE_CUDA
  if (impl_->cuda) most = count;
#endif
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
  impl_->own->forward_alone(static_cast<int>(lane), crops, count, out);
}

std::vector<Embedding> Embedder::embed(const ImageView& image, const std::vector<FaceRegion>& regions) const {
  std::vector<Embedding> embeddings(regions.size());
#ifdef EMBED_HAVE_CUDA
  if (impl_->cuda && image.cuda_device >= 0) {
    const Impl::Pass pass(impl_->lanes);
    guarded("embedding", [&] { impl_->cuda->forward(image, regions, embeddings.data()); });
    return embeddings;
  }
#endif
  const std::size_t bytes = crop_bytes(impl_->info.input);
  std::vector<std::uint8_t> crops(bytes * regions.size());
  for (std::size_t i = 0; i < regions.size(); ++i) {
    crop_face(image, regions[i], impl_->info.input, crops.data() + i * bytes);
  }
  embed_crops(crops.data(), regions.size(), embeddings.data());
  return embeddings;
}

}  // namespace embed
