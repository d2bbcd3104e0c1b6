// SPDX-License-Identifier: LGPL-2.1-or-later
#include "net/cuda/cuda_net.h"

#include <ATen/Context.h>
#include <ATen/cuda/CUDAEvent.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <exception>
#include <mutex>
#include <optional>

#include "base/image_layout.h"
#include "base/worker_pool.h"
#include "embed/error.h"
#include "net/cuda/crop_step.h"
#include "net/cuda/fused_net.h"
#include "net/cuda/make_cuda_net.h"
#include "net/torch/torch_errors.h"

namespace embed::gpu {

namespace {

/// cuDNN tries its algorithms for each new shape while one lives.
class Benchmarking {
 public:
  Benchmarking() : before_(at::globalContext().benchmarkCuDNN()) {
    at::globalContext().setBenchmarkCuDNN(true);
  }
  ~Benchmarking() { at::globalContext().setBenchmarkCuDNN(before_); }
  Benchmarking(const Benchmarking&) = delete;
  Benchmarking& operator=(const Benchmarking&) = delete;

 private:
  bool before_;
};

/// LibTorch's settings and its allocator are shared: one instance at a time chooses and captures.
std::mutex& capture_mutex() {
  static std::mutex mutex;
  return mutex;
}

torch::Tensor pinned(std::size_t bytes) {
  return torch::empty({static_cast<std::int64_t>(bytes)},
                      torch::TensorOptions().dtype(torch::kUInt8).pinned_memory(true));
}

/// One thread copies less than a GPU takes in.
void copy_by_threads(void* target, const void* source, std::size_t bytes) {
  constexpr std::size_t kThreads = 4, kPiece = 1 << 18;
  const std::size_t pieces = (bytes + kPiece - 1) / kPiece;
  std::atomic<std::size_t> next{0};
  const auto work = [&](std::size_t) {
    for (std::size_t i = next++; i < pieces; i = next++) {
      std::memcpy(static_cast<char*>(target) + i * kPiece, static_cast<const char*>(source) + i * kPiece,
                  std::min(kPiece, bytes - i * kPiece));
    }
  };
  if (pieces < kThreads) return work(0);
  WorkerPool::shared().run(kThreads, work);
}

}  // namespace

struct CudaNet::Impl {
  /// Pinned memory for a pass, where its crops lie on the device, and where its vectors are to go.
  struct Slot {
    torch::Tensor crops, device_crops, faces, vectors;
    at::cuda::CUDAEvent copied, done;
    Embedding* target = nullptr;
    std::size_t count = 0;  // 0: nothing under way
  };
  struct Bucket {
    std::size_t size;
    std::unique_ptr<at::cuda::CUDAGraph> graph;
  };

  Impl(const cpu::NetParameters& parameters, const InputSpec& spec, torch::Device where,
       torch::ScalarType precision, std::size_t most)
      : device(where),
        stream(c10::cuda::getStreamFromPool(/*isHighPriority=*/true, where.index())),
        copies(c10::cuda::getStreamFromPool(/*isHighPriority=*/true, where.index())),
        input(spec),
        batch(most),
        crop_size(static_cast<std::size_t>(spec.height) * static_cast<std::size_t>(spec.width) *
                  static_cast<std::size_t>(spec.channels)),
        net(parameters, spec, where, number_of(precision)) {
    const c10::InferenceMode inference;
    const c10::cuda::CUDAGuard device_guard(device);
    // The weights came over on the stream that was current before.
    c10::cuda::getCurrentCUDAStream().synchronize();
    const c10::cuda::CUDAStreamGuard guard(stream);
    const auto on_device = torch::TensorOptions().device(device);
    const auto rows = static_cast<std::int64_t>(batch);
    cells = net.make_cells(rows);
    faces =
        torch::zeros({rows * static_cast<std::int64_t>(sizeof(FaceCrop))}, on_device.dtype(torch::kUInt8));
    vectors =
        torch::zeros({rows, static_cast<std::int64_t>(kEmbeddingDim)}, on_device.dtype(torch::kFloat32));
    for (Slot& slot : slots) {
      slot.crops = pinned(batch * crop_size);
      slot.device_crops =
          torch::zeros({rows * static_cast<std::int64_t>(crop_size)}, on_device.dtype(torch::kUInt8));
      slot.faces = pinned(batch * sizeof(FaceCrop));
      slot.vectors = pinned(batch * sizeof(Embedding));
    }
    // The zeros must not come after what the other stream copies.
    stream.synchronize();
    const std::lock_guard<std::mutex> lock(capture_mutex());
    for (std::size_t size = 1; size < batch; size *= 2) buckets.push_back({size, capture_fastest(size)});
    buckets.push_back({batch, capture_fastest(batch)});
    // What the trials took outside the graphs' own pool is not needed again.
    c10::cuda::CUDACachingAllocator::emptyCache();
  }

  void network(std::size_t size, FusedNet::Relu relu) {
    const auto rows = static_cast<std::int64_t>(size);
    torch::Tensor out = vectors.narrow(0, 0, rows);
    net.forward(cells.narrow(0, 0, rows), out, relu, stream.stream());
  }

  std::unique_ptr<at::cuda::CUDAGraph> capture(std::size_t size, FusedNet::Relu relu) {
    // Twice: the first time chooses algorithms, and the second finds all libraries initialised.
    for (int i = 0; i < 2; ++i) network(size, relu);
    stream.synchronize();
    auto graph = std::make_unique<at::cuda::CUDAGraph>();
    graph->capture_begin(pool, cudaStreamCaptureModeThreadLocal);
    try {
      network(size, relu);
    } catch (...) {
      // Ends the capture, or else every later call on the stream would fail; its own complaint adds nothing.
      try {
        graph->capture_end();
      } catch (const c10::Error&) {
      }
      throw;
    }
    graph->capture_end();
    return graph;
  }

  float milliseconds(at::cuda::CUDAGraph& graph) {
    at::cuda::CUDAEvent begin(cudaEventDefault), end(cudaEventDefault);
    constexpr int kWarm = 3, kTimed = 10;
    for (int i = 0; i < kWarm; ++i) graph.replay();
    begin.record(stream);
    for (int i = 0; i < kTimed; ++i) graph.replay();
    end.record(stream);
    end.synchronize();
    return begin.elapsed_time(end) / kTimed;
  }

  std::unique_ptr<at::cuda::CUDAGraph> capture_fastest(std::size_t size) {
    // Trials take their time, some twenty convolutions for each size: the sizes between the two that streams
    // and galleries use most take what cuDNN expects to be fastest.
    std::optional<Benchmarking> trials;
    if (size == 1 || size == batch) trials.emplace();
    auto own = capture(size, FusedNet::Relu::Own);
    std::unique_ptr<at::cuda::CUDAGraph> cudnn;
    try {
      cudnn = capture(size, FusedNet::Relu::Cudnn);
    } catch (const std::exception&) {
      return own;  // cuDNN has no such convolution for this card or precision.
    }
    return milliseconds(*cudnn) < milliseconds(*own) ? std::move(cudnn) : std::move(own);
  }

  at::cuda::CUDAGraph& graph_for(std::size_t count) {
    const auto found = std::find_if(buckets.begin(), buckets.end(),
                                    [&](const Bucket& bucket) { return bucket.size >= count; });
    return *found->graph;
  }

  void to_device(const torch::Tensor& target, const torch::Tensor& source, std::size_t bytes,
                 const c10::cuda::CUDAStream& on) {
    C10_CUDA_CHECK(
        cudaMemcpyAsync(target.data_ptr(), source.data_ptr(), bytes, cudaMemcpyHostToDevice, on.stream()));
  }

  /// The slot's crops to the device; `beside`: while the stream's own work goes on, at the price of an event.
  void send_crops(Slot& slot, std::size_t bytes, bool beside) {
    to_device(slot.device_crops, slot.crops, bytes, beside ? copies : stream);
    if (!beside) return;
    slot.copied.record(copies);
    slot.copied.block(stream);
  }

  void pack(const std::uint8_t* device_crops, std::size_t count) {
    launch(PackBytes{device_crops, static_cast<int>(count), net.grid(cells)}, stream.stream());
  }

  void fetch(Slot& slot, std::size_t count, Embedding* target) {
    C10_CUDA_CHECK(cudaMemcpyAsync(slot.vectors.data_ptr(), vectors.data_ptr(), count * sizeof(Embedding),
                                   cudaMemcpyDeviceToHost, stream.stream()));
    slot.done.record(stream);
    slot.target = target;
    slot.count = count;
  }

  void collect(Slot& slot) {
    if (slot.count == 0) return;
    slot.done.synchronize();
    std::memcpy(slot.target, slot.vectors.data_ptr(), slot.count * sizeof(Embedding));
    slot.count = 0;
  }

  /// Passes over `count` faces. `stage(slot, first, n)` queues what fills the cells with faces [first,
  /// first + n). The two slots take turns: while the device works on one, the other is staged.
  template <typename Stage>
  void passes(std::size_t count, Embedding* out, Stage&& stage) {
    const c10::InferenceMode inference;
    const c10::cuda::CUDAStreamGuard guard(stream);
    std::size_t turn = 0;
    try {
      for (std::size_t first = 0; first < count; ++turn) {
        const std::size_t n = std::min(batch, count - first);
        Slot& slot = slots[turn % 2];
        collect(slot);
        stage(slot, first, n);
        graph_for(n).replay();
        fetch(slot, n, out + first);
        first += n;
      }
      collect(slots[turn % 2]);
      collect(slots[(turn + 1) % 2]);
    } catch (...) {
      // The caller's memory must not be written to, nor a slot be taken for busy, in a later call.
      cudaStreamSynchronize(copies.stream());
      cudaStreamSynchronize(stream.stream());
      for (Slot& slot : slots) slot.count = 0;
      throw;
    }
  }

  torch::Device device;
  c10::cuda::CUDAStream stream, copies;
  InputSpec input;
  std::size_t batch, crop_size;
  FusedNet net;
  // On the device, for the largest pass; addresses that the graphs know.
  torch::Tensor cells, faces, vectors;
  std::array<Slot, 2> slots;
  // Graphs that never run at once share their memory.
  decltype(at::cuda::graph_pool_handle()) pool = at::cuda::graph_pool_handle();
  std::vector<Bucket> buckets;
};

CudaNet::CudaNet(const cpu::NetParameters& parameters, const InputSpec& input, torch::Device device,
                 torch::ScalarType precision, std::size_t batch)
    : impl_(std::make_unique<Impl>(parameters, input, device, precision, batch)) {}

CudaNet::~CudaNet() = default;

void CudaNet::forward(const std::uint8_t* crops, std::size_t count, Embedding* out) {
  Impl& impl = *impl_;
  const auto stage = [&](Impl::Slot& slot, std::size_t first, std::size_t n) {
    const std::size_t bytes = n * impl.crop_size;
    copy_by_threads(slot.crops.data_ptr(), crops + first * impl.crop_size, bytes);
    impl.send_crops(slot, bytes, count > impl.batch);
    impl.pack(slot.device_crops.data_ptr<std::uint8_t>(), n);
  };
  with_torch_errors("embedding", [&] { impl.passes(count, out, stage); });
}

void CudaNet::forward_regions(const ImageView& image, const std::vector<FaceRegion>& regions,
                              Embedding* out) {
  Impl& impl = *impl_;
  validate_layout(image);
  if (image.cuda_device != impl.device.index()) {
    throw Error(ErrorCode::InvalidArgument, "image is for CUDA device " + std::to_string(image.cuda_device) +
                                                " to read, the embedder is on " + impl.device.str());
  }
  std::vector<FaceCrop> faces;
  faces.reserve(regions.size());
  for (const FaceRegion& region : regions) faces.push_back(face_crop(image, region, impl.input));
  CropFaces step;
  step.frame = frame_of(image, impl.input);
  step.faces = static_cast<const FaceCrop*>(impl.faces.data_ptr());
  step.out = impl.net.grid(impl.cells);
  const auto stage = [&](Impl::Slot& slot, std::size_t first, std::size_t n) {
    std::memcpy(slot.faces.data_ptr(), faces.data() + first, n * sizeof(FaceCrop));
    impl.to_device(impl.faces, slot.faces, n * sizeof(FaceCrop), impl.stream);
    step.count = static_cast<int>(n);
    launch(step, impl.stream.stream());
  };
  with_torch_errors("embedding", [&] { impl.passes(faces.size(), out, stage); });
}

void CudaNet::queue(const std::uint8_t* device_crops, std::size_t count) {
  const c10::InferenceMode inference;
  const c10::cuda::CUDAStreamGuard guard(impl_->stream);
  impl_->pack(device_crops, count);
  impl_->graph_for(count).replay();
}

void CudaNet::synchronize() {
  impl_->stream.synchronize();
}

}  // namespace embed::gpu

namespace embed {

std::unique_ptr<Net> make_cuda_net(const cpu::NetParameters& parameters, const InputSpec& input,
                                   torch::Device device, torch::ScalarType precision, std::size_t batch) {
  return std::make_unique<gpu::CudaNet>(parameters, input, device, precision, batch);
}

}  // namespace embed
