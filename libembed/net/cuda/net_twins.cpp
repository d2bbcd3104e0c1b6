// SPDX-License-Identifier: LGPL-2.1-or-later
// What each kernel computes, in the plainest words. Not made to be fast.
#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "embed/embedding.h"
#include "net/cuda/net_steps.h"

namespace embed::gpu::on_cpu {

namespace {

/// Calls `function` with a null pointer to the C++ type of a number.
template <typename Function>
void with_type(Number number, Function&& function) {
  switch (number) {
    case Number::F32:
      return function(static_cast<float*>(nullptr));
    case Number::BF16:
      return function(static_cast<c10::BFloat16*>(nullptr));
    case Number::F16:
      return function(static_cast<c10::Half*>(nullptr));
  }
}

float relu(float value) {
  return std::max(value, 0.0F);
}

template <typename T>
void pack(const PackBytes& step) {
  const CellGrid& grid = step.out;
  const int row_cells = cells::stored(grid.width), cell = cells::channels(grid.channels);
  const std::uint8_t* byte = step.crops;
  for (int n = 0; n < step.count; ++n) {
    T* picture = static_cast<T*>(grid.values) +
                 static_cast<std::ptrdiff_t>(n) * cells::stored(grid.height) * row_cells * cell;
    for (int y = 0; y < grid.height; ++y) {
      for (int x = 0; x < grid.width; ++x) {
        const int row = y / 2 + cells::kBefore, column = x / 2 + cells::kBefore;
        T* out = picture + (static_cast<std::ptrdiff_t>(row) * row_cells + column) * cell +
                 (y % 2 * 2 + x % 2) * grid.channels;
        for (int c = 0; c < grid.channels; ++c, ++byte) {
          out[c] = static_cast<T>(static_cast<float>(*byte) * grid.scale[c] + grid.shift[c]);
        }
      }
    }
  }
}

template <typename T>
void bias_relu(const BiasRelu& step) {
  T* value = static_cast<T*>(step.values);
  for (std::int64_t i = 0; i < step.extent.pixels; ++i) {
    for (int c = 0; c < step.extent.channels; ++c, ++value) {
      *value = static_cast<T>(relu(static_cast<float>(*value) + step.bias[c]));
    }
  }
}

template <typename T>
void add_affine_relu(const AddAffineRelu& step) {
  const T *values = static_cast<const T*>(step.values), *carried = static_cast<const T*>(step.carried);
  T *sums = static_cast<T*>(step.sum), *active = static_cast<T*>(step.active);
  std::int64_t i = 0;
  for (std::int64_t pixel = 0; pixel < step.extent.pixels; ++pixel) {
    for (int c = 0; c < step.extent.channels; ++c, ++i) {
      const float sum = static_cast<float>(values[i]) + static_cast<float>(carried[i]);
      if (sums != nullptr) sums[i] = static_cast<T>(sum);
      active[i] = static_cast<T>(relu(sum * step.scale[c] + step.shift[c]));
    }
  }
}

template <typename T>
void stem_pool(const StemPool& step) {
  const T* values = static_cast<const T*>(step.values);
  T *pooled = static_cast<T*>(step.pooled), *active = static_cast<T*>(step.active);
  const int rows = (step.height + 1) / 2, columns = (step.width + 1) / 2;
  for (int i = 0; i < step.count * rows * columns; ++i) {
    const int n = i / (rows * columns), row = i / columns % rows, column = i % columns;
    for (int c = 0; c < step.channels; ++c, ++pooled, ++active) {
      float most = 0;  // of values behind a ReLU
      for (int y = std::max(0, 2 * row - 1); y <= std::min(step.height - 1, 2 * row + 1); ++y) {
        for (int x = std::max(0, 2 * column - 1); x <= std::min(step.width - 1, 2 * column + 1); ++x) {
          const std::ptrdiff_t at = (static_cast<std::ptrdiff_t>(n) * step.height + y) * step.width + x;
          most = std::max(most, relu(static_cast<float>(values[at * step.channels + c]) + step.bias[c]));
        }
      }
      *pooled = static_cast<T>(most);
      *active = static_cast<T>(relu(most * step.scale[c] + step.shift[c]));
    }
  }
}

void apply_head(Head head, float* values) {
  if (head == Head::Sigmoid) {
    for (std::size_t k = 0; k < kEmbeddingDim; ++k) values[k] = 1 / (1 + std::exp(-values[k]));
  } else if (head == Head::L2) {
    float squares = 0;
    for (std::size_t k = 0; k < kEmbeddingDim; ++k) squares += values[k] * values[k];
    const float norm = std::max(std::sqrt(squares), 1e-12F);
    for (std::size_t k = 0; k < kEmbeddingDim; ++k) values[k] /= norm;
  }
}

template <typename T>
void tail(const Tail& step) {
  const T *values = static_cast<const T*>(step.values), *carried = static_cast<const T*>(step.carried);
  for (int n = 0; n < step.count; ++n) {
    std::vector<float> mean(Tail::kChannels);
    for (int pixel = 0; pixel < step.pixels; ++pixel) {
      for (std::size_t c = 0; c < mean.size(); ++c, ++values, ++carried) {
        const float sum = static_cast<float>(*values) + static_cast<float>(*carried);
        mean[c] += relu(sum * step.scale[c] + step.shift[c]);
      }
    }
    float* out = step.out + static_cast<std::ptrdiff_t>(n) * static_cast<std::ptrdiff_t>(kEmbeddingDim);
    for (std::size_t k = 0; k < kEmbeddingDim; ++k) {
      float sum = 0;
      for (std::size_t c = 0; c < mean.size(); ++c) {
        sum += mean[c] / static_cast<float>(step.pixels) * step.dense_weight[c * kEmbeddingDim + k];
      }
      out[k] = sum + step.dense_bias[k];
    }
    apply_head(step.head, out);
  }
}

}  // namespace

void run(const PackBytes& step) {
  with_type(step.out.number, [&](auto* type) { pack<std::remove_pointer_t<decltype(type)>>(step); });
}

void run(const BiasRelu& step) {
  with_type(step.extent.number, [&](auto* type) { bias_relu<std::remove_pointer_t<decltype(type)>>(step); });
}

void run(const AddAffineRelu& step) {
  with_type(step.extent.number,
            [&](auto* type) { add_affine_relu<std::remove_pointer_t<decltype(type)>>(step); });
}

void run(const StemPool& step) {
  with_type(step.number, [&](auto* type) { stem_pool<std::remove_pointer_t<decltype(type)>>(step); });
}

void run(const Tail& step) {
  with_type(step.number, [&](auto* type) { tail<std::remove_pointer_t<decltype(type)>>(step); });
}

}  // namespace embed::gpu::on_cpu
