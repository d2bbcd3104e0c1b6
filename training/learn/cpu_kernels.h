// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>

/// The inner loops of training that touch more memory than they compute, without LibTorch: batch norm with
/// its ReLU, and SGD. Rows are [rows, channels], contiguous, each channel's numbers in one column:
/// channels-last memory. `T` is float or Bf16; sums and coefficients are float. Thread-safe on other memory.
namespace training::kernels {

/// A bfloat16 as its bits.
struct Bf16 {
  std::uint16_t bits;
};

/// Adds to each channel's `sums` and `squares` ([channels]) those of x − shift. A shift near the mean keeps
/// the squares from cancelling.
template <typename T>
void add_moments(const T* x, std::size_t rows, std::size_t channels, const float* shift, double* sums,
                 double* squares);

/// y = x·factor + offset, with `relu` not below 0. `y` may be `x`.
template <typename T>
void scale_shift(const T* x, std::size_t rows, std::size_t channels, const float* factor, const float* offset,
                 bool relu, T* y);

/// What the way back needs of each channel; all [channels].
struct Channels {
  const float *factor, *offset;  ///< Of the way forward: where x·factor + offset ≤ 0, ReLU let nothing pass.
  const float* mean;             ///< Of x.
};

/// Adds to each channel's `sums` those of the gradient g that ReLU lets pass, and to `products` those of
/// g·(x − mean).
template <typename T>
void add_gradient_sums(const T* x, const T* gradient, std::size_t rows, std::size_t channels,
                       const Channels& channel, bool relu, double* sums, double* products);

/// dx = g·a + x·b + c, with g as above.
template <typename T>
void input_gradient(const T* x, const T* gradient, std::size_t rows, std::size_t channels,
                    const Channels& channel, bool relu, const float* a, const float* b, const float* c,
                    T* dx);

/// One step of SGD with momentum and weight decay over `count` numbers, each memory touched once:
/// g += decay·value; momentum = rate_of_momentum·momentum + g; value −= rate·(nesterov ? g + rate_of_momentum
/// ·momentum : momentum).
struct SgdStep {
  float rate, momentum, decay;
  float gradient_scale;  ///< Multiplied into the gradient first (clipping).
  bool nesterov;
};
void sgd(float* value, float* momentum, const float* gradient, std::size_t count, const SgdStep& step);

}  // namespace training::kernels
