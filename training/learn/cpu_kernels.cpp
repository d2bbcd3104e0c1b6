// SPDX-License-Identifier: LGPL-2.1-or-later
#include "learn/cpu_kernels.h"

#include <algorithm>
#include <cstring>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
// One copy for each instruction set, chosen when the program is loaded.
#define TRAINING_CLONES __attribute__((target_clones("default", "avx2", "arch=skylake-avx512")))
#else
#define TRAINING_CLONES
#endif
#define TRAINING_INLINE inline __attribute__((always_inline))

namespace training::kernels {

namespace {

/// Channels that are worked on together: their sums stay in registers while the rows go by.
constexpr std::size_t kLanes = 32;
/// Rows whose sums are added in float before they go into the double ones.
constexpr std::size_t kRows = 128;

TRAINING_INLINE float load(float value) {
  return value;
}
TRAINING_INLINE float load(Bf16 value) {
  const std::uint32_t bits = static_cast<std::uint32_t>(value.bits) << 16U;
  float result;
  std::memcpy(&result, &bits, sizeof(result));
  return result;
}
TRAINING_INLINE void store(float value, float& to) {
  to = value;
}
/// Rounds to the nearest, ties to even. NaN stays NaN as long as its upper bits are not all zero, which holds
/// for what arithmetic makes.
TRAINING_INLINE void store(float value, Bf16& to) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  to.bits = static_cast<std::uint16_t>((bits + 0x7FFFU + ((bits >> 16U) & 1U)) >> 16U);
}

/// Calls block(first, width) for runs of channels; `Width` is a constant where it is the full one, so that
/// the compiler unrolls.
template <typename Block>
TRAINING_INLINE void for_channels(std::size_t channels, Block block) {
  std::size_t first = 0;
  for (; first + kLanes <= channels; first += kLanes) block(first, kLanes);
  if (first < channels) block(first, channels - first);
}

template <typename T>
TRAINING_INLINE void moments(const T* x, std::size_t rows, std::size_t channels, const float* shift,
                             double* sums, double* squares) {
  for (std::size_t start = 0; start < rows; start += kRows) {
    const std::size_t end = std::min(rows, start + kRows);
    for_channels(
        channels, [&](std::size_t first, std::size_t width) __attribute__((always_inline)) {
          float sum[kLanes] = {}, square[kLanes] = {};
          for (std::size_t row = start; row < end; ++row) {
            const T* values = x + row * channels + first;
            for (std::size_t lane = 0; lane < width; ++lane) {
              const float value = load(values[lane]) - shift[first + lane];
              sum[lane] += value;
              square[lane] += value * value;
            }
          }
          for (std::size_t lane = 0; lane < width; ++lane) {
            sums[first + lane] += static_cast<double>(sum[lane]);
            squares[first + lane] += static_cast<double>(square[lane]);
          }
        });
  }
}

template <typename T>
TRAINING_INLINE void scaled(const T* x, std::size_t rows, std::size_t channels, const float* factor,
                            const float* offset, bool relu, T* y) {
  const float floor = relu ? 0.0F : -3.4e38F;
  for (std::size_t row = 0; row < rows; ++row) {
    const T* from = x + row * channels;
    T* to = y + row * channels;
    for (std::size_t c = 0; c < channels; ++c) {
      const float value = load(from[c]) * factor[c] + offset[c];
      // Written so that NaN passes.
      store(value < floor ? floor : value, to[c]);
    }
  }
}

template <typename T>
TRAINING_INLINE void gradient_sums(const T* x, const T* gradient, std::size_t rows, std::size_t channels,
                                   const Channels& channel, bool relu, double* sums, double* products) {
  const float floor = relu ? 0.0F : -3.4e38F;
  for (std::size_t start = 0; start < rows; start += kRows) {
    const std::size_t end = std::min(rows, start + kRows);
    for_channels(
        channels, [&](std::size_t first, std::size_t width) __attribute__((always_inline)) {
          float sum[kLanes] = {}, product[kLanes] = {};
          for (std::size_t row = start; row < end; ++row) {
            const T* values = x + row * channels + first;
            const T* slopes = gradient + row * channels + first;
            for (std::size_t lane = 0; lane < width; ++lane) {
              const float value = load(values[lane]);
              const bool passes = value * channel.factor[first + lane] + channel.offset[first + lane] > floor;
              const float gradient_here = load(slopes[lane]);
              const float slope = passes ? gradient_here : 0.0F;
              sum[lane] += slope;
              product[lane] += slope * (value - channel.mean[first + lane]);
            }
          }
          for (std::size_t lane = 0; lane < width; ++lane) {
            sums[first + lane] += static_cast<double>(sum[lane]);
            products[first + lane] += static_cast<double>(product[lane]);
          }
        });
  }
}

template <typename T>
TRAINING_INLINE void gradients(const T* x, const T* gradient, std::size_t rows, std::size_t channels,
                               const Channels& channel, bool relu, const float* a, const float* b,
                               const float* c, T* dx) {
  const float floor = relu ? 0.0F : -3.4e38F;
  for (std::size_t row = 0; row < rows; ++row) {
    const T *values = x + row * channels, *slopes = gradient + row * channels;
    T* to = dx + row * channels;
    for (std::size_t i = 0; i < channels; ++i) {
      const float value = load(values[i]);
      const bool passes = value * channel.factor[i] + channel.offset[i] > floor;
      const float gradient_here = load(slopes[i]);  // Loaded in any case: a condition would stop vectors.
      const float slope = passes ? gradient_here : 0.0F;
      store(slope * a[i] + (value * b[i] + c[i]), to[i]);
    }
  }
}

}  // namespace

// One pair of functions for each element type: clones cannot be templates.
// NOLINTBEGIN(bugprone-macro-parentheses): T is a type.
#define TRAINING_KERNELS(T)                                                                           \
  template <>                                                                                         \
  TRAINING_CLONES void add_moments<T>(const T* x, std::size_t rows, std::size_t channels,             \
                                      const float* shift, double* sums, double* squares) {            \
    moments(x, rows, channels, shift, sums, squares);                                                 \
  }                                                                                                   \
  template <>                                                                                         \
  TRAINING_CLONES void scale_shift<T>(const T* x, std::size_t rows, std::size_t channels,             \
                                      const float* factor, const float* offset, bool relu, T* y) {    \
    scaled(x, rows, channels, factor, offset, relu, y);                                               \
  }                                                                                                   \
  template <>                                                                                         \
  TRAINING_CLONES void add_gradient_sums<T>(const T* x, const T* gradient, std::size_t rows,          \
                                            std::size_t channels, const Channels& channel, bool relu, \
                                            double* sums, double* products) {                         \
    gradient_sums(x, gradient, rows, channels, channel, relu, sums, products);                        \
  }                                                                                                   \
  template <>                                                                                         \
  TRAINING_CLONES void input_gradient<T>(const T* x, const T* gradient, std::size_t rows,             \
                                         std::size_t channels, const Channels& channel, bool relu,    \
                                         const float* a, const float* b, const float* c, T* dx) {     \
    gradients(x, gradient, rows, channels, channel, relu, a, b, c, dx);                               \
  }
// NOLINTEND(bugprone-macro-parentheses)

TRAINING_KERNELS(float)
TRAINING_KERNELS(Bf16)

TRAINING_CLONES void sgd(float* value, float* momentum, const float* gradient, std::size_t count,
                         const SgdStep& step) {
  const float rate = step.rate, decay = step.decay, keep = step.momentum, scale = step.gradient_scale;
  // The step is momentum·first + gradient·second.
  const float first = step.nesterov ? keep : 1.0F, second = step.nesterov ? 1.0F : 0.0F;
  for (std::size_t i = 0; i < count; ++i) {
    const float slope = gradient[i] * scale + decay * value[i];
    const float moved = keep * momentum[i] + slope;
    momentum[i] = moved;
    value[i] -= rate * (first * moved + second * slope);
  }
}

}  // namespace training::kernels
