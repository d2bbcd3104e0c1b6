// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

/// What cuda/kernel_language.h includes in place of CUDA's runtime: the kernels' source becomes plain C++.
/// The threads of a block are fibers that take turns at barriers, the blocks run one after the other.

// Before their words mean something else.
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <ucontext.h>
#include <vector_types.h>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <memory>
#include <stdexcept>
#include <vector>

#undef __global__
#undef __device__
#undef __host__
#undef __shared__
#define __global__
#define __device__
#define __host__
// One block runs at a time, so one copy is enough; like a GPU's, it is not cleared in between.
#define __shared__ static

using std::max;
using std::min;

namespace kernels_on_cpu {

/// Runs the threads of one block: each until its next barrier, in turn.
class Block {
 public:
  static Block& instance() {
    static Block block;
    return block;
  }

  void run(unsigned threads, const std::function<void(unsigned)>& body) {
    fibers_.resize(std::max<std::size_t>(fibers_.size(), threads));
    body_ = &body;
    for (unsigned i = 0; i < threads; ++i) prepare(fibers_[i]);
    for (unsigned running = threads; running > 0;) {
      running = 0;
      for (current_ = 0; current_ < threads; ++current_) {
        if (fibers_[current_].ended) continue;
        swapcontext(&scheduler_, &fibers_[current_].context);
        if (!fibers_[current_].ended) ++running;
      }
      // A barrier that some threads left out is an error in the kernel.
      if (running != 0 && running != threads) throw std::logic_error("not all threads came to the barrier");
    }
  }

  void barrier() { swapcontext(&fibers_[current_].context, &scheduler_); }
  unsigned current() const { return current_; }

 private:
  static constexpr std::size_t kStack = 64 * 1024;
  struct Fiber {
    ucontext_t context{};
    std::unique_ptr<char[]> stack{new char[kStack]};
    bool ended = true;
  };

  void prepare(Fiber& fiber) {
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = fiber.stack.get();
    fiber.context.uc_stack.ss_size = kStack;
    fiber.context.uc_link = &scheduler_;
    fiber.ended = false;
    makecontext(&fiber.context, &Block::enter, 0);
  }

  static void enter() {
    Block& block = instance();
    (*block.body_)(block.current_);
    block.fibers_[block.current_].ended = true;
  }

  std::vector<Fiber> fibers_;
  ucontext_t scheduler_{};
  const std::function<void(unsigned)>* body_ = nullptr;
  unsigned current_ = 0;
};

struct Indices {
  uint3 thread{}, block{};
  dim3 block_size, grid_size;
};
inline Indices& indices() {
  static Indices values;
  values.thread.x = Block::instance().current();
  return values;
}

}  // namespace kernels_on_cpu

#define threadIdx (kernels_on_cpu::indices().thread)
#define blockIdx (kernels_on_cpu::indices().block)
#define blockDim (kernels_on_cpu::indices().block_size)
#define gridDim (kernels_on_cpu::indices().grid_size)
#define __syncthreads() kernels_on_cpu::Block::instance().barrier()

struct CUstream_st;

namespace embed::gpu {

template <typename... Parameters, typename... Arguments>
void start(void (*kernel)(Parameters...), dim3 blocks, unsigned threads, CUstream_st*,
           const Arguments&... arguments) {
  kernels_on_cpu::Indices& indices = kernels_on_cpu::indices();
  indices.block_size = dim3(threads);
  indices.grid_size = blocks;
  for (unsigned y = 0; y < blocks.y; ++y) {
    for (unsigned x = 0; x < blocks.x; ++x) {
      indices.block.x = x;
      indices.block.y = y;
      kernels_on_cpu::Block::instance().run(threads, [&](unsigned) { kernel(arguments...); });
    }
  }
}

}  // namespace embed::gpu
