// SPDX-License-Identifier: LGPL-2.1-or-later
// The network's end in one kernel: a block takes a few faces from the last convolution to their vectors.
#include "net/cuda/kernel_language.h"
#include "net/cuda/net_steps.h"
#include "embed/embedding.h"

namespace embed::gpu {

namespace {

constexpr int kValues = static_cast<int>(kEmbeddingDim);
/// A thread a channel; then, for the dense layer, four threads a value, each a quarter of the channels.
constexpr int kTailThreads = Tail::kChannels, kParts = kTailThreads / kValues,
              kPart = Tail::kChannels / kParts;
/// More faces in a block read the dense layer's weights less often; more blocks keep more of the GPU busy.
constexpr int kFaces = 2;

template <typename T>
__device__ void pool(const Tail& step, int face, float* pooled) {
  const int channel = static_cast<int>(threadIdx.x);
  float sum = 0.0F;
  if (face < step.count) {
    const float scale = step.scale[channel], shift = step.shift[channel];
    const long long first = static_cast<long long>(face) * step.pixels * Tail::kChannels + channel;
    const T* values = static_cast<const T*>(step.values) + first;
    const T* carried = static_cast<const T*>(step.carried) + first;
    for (int pixel = 0; pixel < step.pixels; ++pixel) {
      const long long at = static_cast<long long>(pixel) * Tail::kChannels;
      const float value = (to_float(values[at]) + to_float(carried[at])) * scale + shift;
      sum += value > 0.0F ? value : 0.0F;
    }
  }
  pooled[channel] = sum / static_cast<float>(step.pixels);
}

/// The head of one value; every thread of the block calls it. `squares`: [kValues], of this thread's face.
__device__ float head(Head kind, float value, int k, float* squares) {
  if (kind == Head::Sigmoid) return 1.0F / (1.0F + expf(-value));
  if (kind == Head::Linear) return value;
  squares[k] = value * value;
  for (int half = kValues / 2; half > 0; half /= 2) {
    __syncthreads();
    if (k < half) squares[k] += squares[k + half];
  }
  __syncthreads();
  return value / fmaxf(sqrtf(squares[0]), 1e-12F);
}

template <typename T>
__global__ void tail_kernel(Tail step) {
  __shared__ float pooled[kFaces][Tail::kChannels];
  __shared__ float parts[kParts][kFaces][kValues];
  // Threads without a value of their own take part in the head's barriers too, on room of their own.
  __shared__ float squares[kParts][kValues];
  const int thread = static_cast<int>(threadIdx.x), first = static_cast<int>(blockIdx.x) * kFaces;
  for (int face = 0; face < kFaces; ++face) pool<T>(step, first + face, pooled[face]);
  __syncthreads();

  const int k = thread % kValues, part = thread / kValues;
  float sums[kFaces] = {};
  for (int c = part * kPart; c < (part + 1) * kPart; ++c) {
    const float weight = step.dense_weight[c * kValues + k];
    for (int face = 0; face < kFaces; ++face) sums[face] += pooled[face][c] * weight;
  }
  for (int face = 0; face < kFaces; ++face) parts[part][face][k] = sums[face];
  __syncthreads();

  const int face = part < kFaces ? part : 0;
  float value = step.dense_bias[k];
  for (int i = 0; i < kParts; ++i) value += parts[i][face][k];
  value = head(step.head, value, k, squares[part]);
  if (part < kFaces && first + face < step.count) {
    step.out[static_cast<long long>(first + face) * kValues + k] = value;
  }
}

}  // namespace

void launch(const Tail& step, Stream stream) {
  if (step.count == 0) return;
  with_type(step.number, [&](auto* type) {
    using T = std::remove_pointer_t<decltype(type)>;
    start(tail_kernel<T>, blocks_for(step.count, kFaces), kTailThreads, stream, step);
  });
}

}  // namespace embed::gpu
