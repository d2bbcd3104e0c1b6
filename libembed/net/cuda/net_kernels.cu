// SPDX-License-Identifier: LGPL-2.1-or-later
// The steps between the convolutions. All are bound by memory: each thread moves 16 bytes at a time, and
// neighbours move neighbouring ones.
#include "net/cuda/cell_store.h"
#include "net/cuda/kernel_language.h"
#include "net/cuda/net_steps.h"

namespace embed::gpu {

namespace {

constexpr unsigned kVectorThreads = 256;

/// 32 bits: division by 64-bit numbers would take longer than the memory does. The largest batch of the
/// largest pictures has 2³⁰ vectors behind its stem, in float32.
__device__ unsigned thread_index() {
  return blockIdx.x * blockDim.x + threadIdx.x;
}

__device__ float relu(float value) {
  return value > 0.0F ? value : 0.0F;
}

/// One thread a cell.
template <typename T, int C>
__global__ void pack_kernel(PackBytes step) {
  const CellGrid& grid = step.out;
  const unsigned rows = cells::along(grid.height), columns = cells::along(grid.width);
  const unsigned index = thread_index();
  if (index >= step.count * rows * columns) return;
  const int column = static_cast<int>(index % columns), row = static_cast<int>(index / columns % rows);
  const int n = static_cast<int>(index / columns / rows);
  unsigned char bytes[4][C];
  bool inside[4];
  for (int pixel = 0; pixel < 4; ++pixel) {
    const int y = 2 * row + pixel / 2, x = 2 * column + pixel % 2;
    inside[pixel] = y < grid.height && x < grid.width;
    const long long at = ((static_cast<long long>(n) * grid.height + y) * grid.width + x) * C;
    for (int c = 0; c < C; ++c) bytes[pixel][c] = inside[pixel] ? step.crops[at + c] : 0;
  }
  store_cell<T, C>(grid, n, row, column, bytes, inside);
}

/// One thread a vector.
template <typename T>
__global__ void bias_relu_kernel(BiasRelu step) {
  constexpr int kLanes = Vector<T>::kLanes;
  const unsigned vectors = step.extent.channels / kLanes, index = thread_index();
  if (index >= step.extent.pixels * vectors) return;
  const LaneFloats<T> bias = lane_floats<T>(step.bias, index % vectors * kLanes);
  auto* place = static_cast<Vector<T>*>(step.values) + index;
  Vector<T> vector = *place;
  for (int i = 0; i < kLanes; ++i) {
    vector.lanes[i] = rounded<T>(relu(to_float(vector.lanes[i]) + bias.lanes[i]));
  }
  *place = vector;
}

/// One thread a vector.
template <typename T>
__global__ void add_affine_relu_kernel(AddAffineRelu step) {
  constexpr int kLanes = Vector<T>::kLanes;
  const unsigned vectors = step.extent.channels / kLanes, index = thread_index();
  if (index >= step.extent.pixels * vectors) return;
  const unsigned channel = index % vectors * kLanes;
  const LaneFloats<T> scale = lane_floats<T>(step.scale, channel),
                      shift = lane_floats<T>(step.shift, channel);
  const Vector<T> value = static_cast<const Vector<T>*>(step.values)[index];
  const Vector<T> carried = static_cast<const Vector<T>*>(step.carried)[index];
  Vector<T> sum, active;
  for (int i = 0; i < kLanes; ++i) {
    const float exact = to_float(value.lanes[i]) + to_float(carried.lanes[i]);
    sum.lanes[i] = rounded<T>(exact);
    active.lanes[i] = rounded<T>(relu(exact * scale.lanes[i] + shift.lanes[i]));
  }
  if (step.sum != nullptr) static_cast<Vector<T>*>(step.sum)[index] = sum;
  static_cast<Vector<T>*>(step.active)[index] = active;
}

/// One thread a vector of a pooled pixel. The ReLU and the bias, the same for all nine, come after the
/// maximum: neither changes which is the largest.
template <typename T>
__global__ void stem_pool_kernel(StemPool step) {
  constexpr int kLanes = Vector<T>::kLanes;
  const unsigned vectors = step.channels / kLanes;
  const unsigned rows = (step.height + 1) / 2, columns = (step.width + 1) / 2;
  const unsigned index = thread_index();
  if (index >= step.count * rows * columns * vectors) return;
  const unsigned vector = index % vectors, pixel = index / vectors;
  const int column = static_cast<int>(pixel % columns), row = static_cast<int>(pixel / columns % rows);
  const long long n = pixel / columns / rows;
  float most[kLanes];
  for (int i = 0; i < kLanes; ++i) most[i] = -INFINITY;
  for (int y = max(0, 2 * row - 1); y <= min(step.height - 1, 2 * row + 1); ++y) {
    for (int x = max(0, 2 * column - 1); x <= min(step.width - 1, 2 * column + 1); ++x) {
      const long long at = ((n * step.height + y) * step.width + x) * vectors + vector;
      const Vector<T> values = static_cast<const Vector<T>*>(step.values)[at];
      for (int i = 0; i < kLanes; ++i) most[i] = fmaxf(most[i], to_float(values.lanes[i]));
    }
  }
  const LaneFloats<T> bias = lane_floats<T>(step.bias, vector * kLanes),
                      scale = lane_floats<T>(step.scale, vector * kLanes),
                      shift = lane_floats<T>(step.shift, vector * kLanes);
  Vector<T> pooled, active;
  for (int i = 0; i < kLanes; ++i) {
    const float value = relu(most[i] + bias.lanes[i]);
    pooled.lanes[i] = rounded<T>(value);
    active.lanes[i] = rounded<T>(relu(value * scale.lanes[i] + shift.lanes[i]));
  }
  static_cast<Vector<T>*>(step.pooled)[index] = pooled;
  static_cast<Vector<T>*>(step.active)[index] = active;
}

}  // namespace

void launch(const PackBytes& step, Stream stream) {
  if (step.count == 0) return;
  const long long count =
      static_cast<long long>(step.count) * cells::along(step.out.height) * cells::along(step.out.width);
  with_type(step.out.number, [&](auto* type) {
    using T = std::remove_pointer_t<decltype(type)>;
    start(step.out.channels == 1 ? pack_kernel<T, 1> : pack_kernel<T, 3>, blocks_for(count, kVectorThreads),
          kVectorThreads, stream, step);
  });
}

void launch(const BiasRelu& step, Stream stream) {
  if (step.extent.pixels == 0) return;
  with_type(step.extent.number, [&](auto* type) {
    using T = std::remove_pointer_t<decltype(type)>;
    const long long count = step.extent.pixels * (step.extent.channels / Vector<T>::kLanes);
    start(bias_relu_kernel<T>, blocks_for(count, kVectorThreads), kVectorThreads, stream, step);
  });
}

void launch(const AddAffineRelu& step, Stream stream) {
  if (step.extent.pixels == 0) return;
  with_type(step.extent.number, [&](auto* type) {
    using T = std::remove_pointer_t<decltype(type)>;
    const long long count = step.extent.pixels * (step.extent.channels / Vector<T>::kLanes);
    start(add_affine_relu_kernel<T>, blocks_for(count, kVectorThreads), kVectorThreads, stream, step);
  });
}

void launch(const StemPool& step, Stream stream) {
  if (step.count == 0) return;
  with_type(step.number, [&](auto* type) {
    using T = std::remove_pointer_t<decltype(type)>;
    const long long count = static_cast<long long>(step.count) * ((step.height + 1) / 2) *
                            ((step.width + 1) / 2) * (step.channels / Vector<T>::kLanes);
    start(stem_pool_kernel<T>, blocks_for(count, kVectorThreads), kVectorThreads, stream, step);
  });
}

}  // namespace embed::gpu
