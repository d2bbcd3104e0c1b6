// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/nn/conv3x3.h"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/nn/functional.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "net/cpu/kernels.h"
#include "net/cpu/plane.h"
#include "net/cpu/train_kernels.h"
#include "net/torch/conv3x3_pictures.h"
#include "net/torch/conv3x3_tiles.h"

namespace embed::nn {

namespace {

using cpu::Kernels;
using cpu::Plane;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Tiles of a product for the weights' gradient: enough that adding it to the sum costs little.
constexpr std::int64_t kGradientTiles = 64;

const Kernels* kernels_of(torch::ScalarType type) {
  if (type == torch::kFloat32) return cpu::train_kernels_for(cpu::Number::F32);
  return type == torch::kBFloat16 ? cpu::train_kernels_for(cpu::Number::BF16) : nullptr;
}

/// How pictures of one size are cut into tiles.
struct Tiling {
  Tiling(std::int64_t height, std::int64_t width, std::int64_t tile)
      : m(tile), down((height + m - 1) / m), across((width + m - 1) / m) {}
  std::int64_t in_picture() const { return down * across; }
  std::int64_t points() const { return (m + 2) * (m + 2); }
  /// A picture of that many channels with the border that its tiles reach into.
  Plane plane(std::int64_t height, std::int64_t width, std::int64_t channels, std::int64_t bytes) const {
    return {height, width, channels, 1, bytes, std::max(down * m - height, across * m - width)};
  }

  std::int64_t m, down, across;
};

/// [rows][columns] → [columns][rows], in blocks that stay in the nearest cache.
torch::Tensor transposed(const torch::Tensor& matrix) {
  constexpr std::int64_t kSide = 16;
  const std::int64_t rows = matrix.size(0), columns = matrix.size(1);
  torch::Tensor result = torch::empty({columns, rows}, matrix.options());
  const float* from = matrix.data_ptr<float>();
  float* to = result.data_ptr<float>();
  at::parallel_for(0, (columns + kSide - 1) / kSide, 4, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t row = 0; row < rows; row += kSide) {
      const std::int64_t row_end = std::min(rows, row + kSide);
      for (std::int64_t c = first * kSide; c < std::min(columns, last * kSide); ++c) {
        for (std::int64_t r = row; r < row_end; ++r) to[c * rows + r] = from[r * columns + c];
      }
    }
  });
  return result;
}

/// [out, in, 3, 3] in channels-last memory: a matrix of [out] rows and [3][3][in] columns.
torch::Tensor as_matrix(const torch::Tensor& weight) {
  return weight.detach().permute({0, 2, 3, 1}).reshape({weight.size(0), 9 * weight.size(1)});
}

/// The weights for the forward pass, or (`of_input`) for the gradient of the input: then the output's
/// channels are summed over, and the taps reversed.
torch::Tensor transformed(const Kernels& kernels, const torch::Tensor& weight, std::int64_t m,
                          bool of_input) {
  const torch::Tensor matrix = of_input ? as_matrix(weight) : transposed(as_matrix(weight));
  cpu::WeightsCall call{};
  call.m = m;
  call.weights = matrix.data_ptr<float>();
  call.in = weight.size(of_input ? 0 : 1);
  call.out = weight.size(of_input ? 1 : 0);
  call.tap_stride = of_input ? call.out : call.in * call.out;
  call.in_stride = of_input ? 9 * call.out : call.out;
  call.flip = of_input;
  torch::Tensor packed = bytes((m + 2) * (m + 2) * call.in * call.out * cpu::size_of(kernels.number));
  call.packed = data(packed);
  at::parallel_for(0, call.in / kernels.group, 8, [&](std::int64_t first, std::int64_t last) {
    kernels.train->transform_weights(call, first * kernels.group, last * kernels.group);
  });
  return packed;
}

/// The convolution of channels-last pictures with transformed weights.
torch::Tensor convolved(const Kernels& kernels, const torch::Tensor& input, const torch::Tensor& packed,
                        std::int64_t out_channels, std::int64_t m) {
  const std::int64_t images = input.size(0), in = input.size(1), height = input.size(2),
                     width = input.size(3);
  torch::Tensor output = torch::empty({images, out_channels, height, width},
                                      input.options().memory_format(torch::MemoryFormat::ChannelsLast));
  const Tiling tiling(height, width, m);
  const std::int64_t number = cpu::size_of(kernels.number);
  const Plane plane = tiling.plane(height, width, in, number);
  const std::int64_t at_once = std::max<std::int64_t>(1, cpu::kWinogradTiles / tiling.in_picture());
  std::vector<std::ptrdiff_t> pixels;
  for (std::int64_t p = 0; p < height * width; ++p) pixels.push_back(p * out_channels * number);
  at::parallel_for(0, (images + at_once - 1) / at_once, 1, [&](std::int64_t first, std::int64_t last) {
    const torch::Tensor padded = bytes(at_once * plane.image_bytes());
    const torch::Tensor values =
        bytes(tiling.points() * (cpu::kWinogradTiles * in * number + cpu::kPointGap));
    const torch::Tensor products = torch::empty({tiling.points() * cpu::kWinogradTiles * kernels.block});
    cpu::WinogradCall call{};
    call.m = m;
    call.input = data(padded);
    call.input_image = plane.image_bytes();
    call.input_row = plane.row_bytes();
    call.input_pixel = plane.pixel_bytes();
    call.words = in / kernels.group;
    call.weights = data(packed);
    call.height = height;
    call.width = width;
    call.tiles_across = tiling.across;
    call.tiles = tiling.in_picture();
    call.last_block = out_channels / kernels.block;
    call.transformed = data(values);
    call.products = products.data_ptr<float>();
    call.to.channels = out_channels;
    call.to.pixels = height * width;
    call.to.active_image = height * width * out_channels * number;
    call.to.active_at = pixels.data();
    for (std::int64_t chunk = first; chunk < last; ++chunk) {
      const std::int64_t begin = chunk * at_once, count = std::min(at_once, images - begin);
      pad(input, begin, begin + count, plane, data(padded));
      call.to.active = data(output) + begin * call.to.active_image;
      const std::int64_t tiles = count * call.tiles;
      for (call.first_tile = 0; call.first_tile < tiles; call.first_tile = call.last_tile) {
        call.last_tile = std::min(tiles, call.first_tile + cpu::kWinogradTiles);
        kernels.winograd(call);
      }
    }
  });
  return output;
}

/// The gradient of the weights, [out, in, 3, 3] float32, from channels-last input and gradient of the output.
torch::Tensor gradient_of_weights(const Kernels& kernels, const torch::Tensor& input,
                                  const torch::Tensor& slope, std::int64_t m) {
  const std::int64_t images = input.size(0), height = input.size(2), width = input.size(3);
  const std::int64_t in = input.size(1), out = slope.size(1), number = cpu::size_of(kernels.number);
  const Tiling tiling(height, width, m);
  const Plane inputs = tiling.plane(height, width, in, number),
              slopes = tiling.plane(height, width, out, number);
  const std::int64_t at_once =
      std::min(images, std::max<std::int64_t>(1, kGradientTiles / tiling.in_picture()));
  const std::int64_t most_groups = (at_once * tiling.in_picture() + kernels.group - 1) / kernels.group;
  const torch::Tensor padded_inputs = bytes(at_once * inputs.image_bytes());
  const torch::Tensor padded_slopes = bytes(at_once * slopes.image_bytes());
  const torch::Tensor no_slope = torch::zeros({slopes.image_bytes()}, torch::kUInt8);
  const torch::Tensor transformed_inputs = bytes(tiling.points() * most_groups * in * 4);
  const torch::Tensor transformed_slopes = bytes(tiling.points() * most_groups * out * 4);
  const torch::Tensor sums = torch::empty({tiling.points() * in * out});
  cpu::GradientCall call{};
  call.m = m;
  call.input = data(padded_inputs);
  call.input_image = inputs.image_bytes();
  call.input_row = inputs.row_bytes();
  call.input_pixel = inputs.pixel_bytes();
  call.slope = data(padded_slopes) + slopes.at(0, 0);
  call.no_slope = data(no_slope);
  call.slope_image = slopes.image_bytes();
  call.slope_row = slopes.row_bytes();
  call.slope_pixel = slopes.pixel_bytes();
  call.in = in;
  call.out = out;
  call.tiles_across = tiling.across;
  call.tiles = tiling.in_picture();
  call.inputs = data(transformed_inputs);
  call.slopes = data(transformed_slopes);
  call.sums = sums.data_ptr<float>();
  for (std::int64_t begin = 0; begin < images; begin += at_once) {
    const std::int64_t count = std::min(at_once, images - begin);
    call.all_tiles = count * call.tiles;
    call.groups = (call.all_tiles + kernels.group - 1) / kernels.group;
    call.add = begin > 0;
    at::parallel_for(0, count, 1, [&](std::int64_t first, std::int64_t last) {
      pad(input, begin + first, begin + last, inputs, data(padded_inputs) + first * inputs.image_bytes());
      pad(slope, begin + first, begin + last, slopes, data(padded_slopes) + first * slopes.image_bytes());
    });
    at::parallel_for(0, call.groups, 1, [&](std::int64_t first, std::int64_t last) {
      kernels.train->transform_gradient(call, first, last);
    });
    at::parallel_for(0, tiling.points(), 1, [&](std::int64_t first, std::int64_t last) {
      kernels.train->multiply_gradient(call, first, last);
    });
  }
  const torch::Tensor gradient = torch::empty({9 * in, out});
  at::parallel_for(0, in, 8, [&](std::int64_t first, std::int64_t last) {
    kernels.train->gradient_of_weights(sums.data_ptr<float>(), in, out, m, first, last,
                                       gradient.data_ptr<float>());
  });
  return transposed(gradient).view({out, 3, 3, in}).permute({0, 3, 1, 2});
}

class Conv3x3 : public torch::autograd::Function<Conv3x3> {
 public:
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& input,
                               const torch::Tensor& weight) {
    const Kernels& kernels = *kernels_of(input.scalar_type());
    const torch::Tensor x = input.contiguous(torch::MemoryFormat::ChannelsLast);
    if (kernels.tile_train != nullptr) {
      context->save_for_backward({x, weight});
      return tiles_convolved(kernels, x, weight, /*of_input=*/false);
    }
    const std::int64_t m = cpu::winograd_tile(kernels, x.size(1), x.size(2), x.size(3));
    context->save_for_backward({x, weight});
    return convolved(kernels, x, transformed(kernels, weight, m, false), weight.size(0), m);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const torch::Tensor &x = saved[0], &weight = saved[1];
    const Kernels& kernels = *kernels_of(x.scalar_type());
    const torch::Tensor slope =
        gradients[0].to(x.scalar_type()).contiguous(torch::MemoryFormat::ChannelsLast);
    torch::Tensor of_input, of_weight;
    if (kernels.tile_train != nullptr) {
      if (context->needs_input_grad(0)) of_input = tiles_convolved(kernels, slope, weight, /*of_input=*/true);
      if (context->needs_input_grad(1)) of_weight = tiles_gradient(kernels, x, slope);
      return {of_input, of_weight};
    }
    if (context->needs_input_grad(0)) {
      const std::int64_t m = cpu::winograd_tile(kernels, weight.size(0), x.size(2), x.size(3));
      of_input = convolved(kernels, slope, transformed(kernels, weight, m, true), weight.size(1), m);
    }
    if (context->needs_input_grad(1)) {
      const std::int64_t m = cpu::winograd_tile(kernels, x.size(1), x.size(2), x.size(3));
      of_weight = gradient_of_weights(kernels, x, slope, m);
    }
    return {of_input, of_weight};
  }
};

}  // namespace

bool conv3x3_is_ours(const torch::Tensor& input, const torch::Tensor& weight) {
  if (!input.is_cpu() || input.dim() != 4 || input.numel() == 0 || !weight.is_cpu() || weight.dim() != 4)
    return false;
  const Kernels* kernels = kernels_of(input.scalar_type());
  return kernels != nullptr && weight.scalar_type() == torch::kFloat32 && weight.size(1) == input.size(1) &&
         weight.size(2) == 3 && weight.size(3) == 3 && weight.size(0) % 64 == 0 && weight.size(1) % 64 == 0;
}

torch::Tensor conv3x3(const torch::Tensor& input, const torch::Tensor& weight) {
  if (conv3x3_is_ours(input, weight)) return Conv3x3::apply(input, weight);
  return torch::conv2d(input, weight, {}, 1, 1);
}

}  // namespace embed::nn
