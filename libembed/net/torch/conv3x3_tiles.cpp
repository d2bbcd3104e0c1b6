// SPDX-License-Identifier: LGPL-2.1-or-later
#include "net/torch/conv3x3_tiles.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <vector>

#include "net/cpu/plane.h"
#include "net/cpu/run_table.h"
#include "net/cpu/train_kernels.h"
#include "net/torch/conv3x3_pictures.h"

namespace embed::nn {

namespace {

using cpu::Kernels;
using cpu::Plane;

// Of pictures that are worked on at once: with what comes out of them they stay in a core's own cache.
constexpr std::int64_t kPictureBytes = 256 << 10;
// Places of a strip: so many that adding a sum to what stands there costs little.
constexpr std::int64_t kMostPlaces = 2048;

std::int64_t rounded_up(std::int64_t value, std::int64_t to) {
  return (value + to - 1) / to * to;
}

/// For the kernels' convolution.
torch::Tensor packed(const Kernels& kernels, const torch::Tensor& weight, bool of_input) {
  const std::int64_t out = weight.size(0), in = weight.size(1);
  const torch::Tensor numbers =
      weight.detach().permute({0, 2, 3, 1}).to(torch::kBFloat16).contiguous();  // [out][3][3][in]
  torch::Tensor result = bytes(2 * numbers.numel());
  const auto* from = static_cast<const std::uint16_t*>(numbers.data_ptr());
  const std::int64_t blocks = (of_input ? in : out) / kernels.block;
  at::parallel_for(0, blocks, 1, [&](std::int64_t first, std::int64_t last) {
    kernels.tile_train->pack_weights(from, in, out, of_input, first * kernels.block, last * kernels.block,
                                     data(result));
  });
  return result;
}

/// All pixels of some pictures and the places of zeros between them, as StripCall has them.
class Strip {
 public:
  Strip(std::int64_t images, std::int64_t height, std::int64_t width)
      : height_(height),
        width_(width),
        margin_(rounded_up(width + 2, 16)),
        count_(rounded_up(images * (height + 1) * (width + 1), cpu::kStripPlaces)) {}

  /// Places that a product goes through.
  std::int64_t count() const { return count_; }
  /// Places before the first and behind the last that a tap reaches.
  std::int64_t margin() const { return margin_; }
  /// Places from a pixel to the one below.
  std::int64_t pitch() const { return width_ + 1; }

  /// Where the channels of each place are, the margins' included: in `pictures` ([images] of `pixel_bytes` a
  /// pixel) or `zeros`.
  std::vector<const std::uint8_t*> places(const std::uint8_t* pictures, std::int64_t images,
                                          std::int64_t pixel_bytes, const std::uint8_t* zeros) const {
    std::vector<const std::uint8_t*> at(static_cast<std::size_t>(2 * margin_ + count_), zeros);
    for (std::int64_t row = 0; row < images * height_; ++row) {
      const std::int64_t begin = margin_ + (row / height_ * (height_ + 1) + row % height_) * pitch();
      for (std::int64_t x = 0; x < width_; ++x) {
        at[static_cast<std::size_t>(begin + x)] = pictures + (row * width_ + x) * pixel_bytes;
      }
    }
    return at;
  }

 private:
  std::int64_t height_, width_, margin_, count_;
};

}  // namespace

torch::Tensor tiles_convolved(const Kernels& kernels, const torch::Tensor& input, const torch::Tensor& weight,
                              bool of_input) {
  const std::int64_t images = input.size(0), in = input.size(1), height = input.size(2),
                     width = input.size(3);
  const std::int64_t out = weight.size(of_input ? 1 : 0), number = cpu::size_of(kernels.number);
  const torch::Tensor weights = packed(kernels, weight, of_input);
  torch::Tensor output = torch::empty({images, out, height, width},
                                      input.options().memory_format(torch::MemoryFormat::ChannelsLast));
  const Plane plane{height, width, in, 1, number};
  std::vector<std::ptrdiff_t> input_at, tap_at, pixels;
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      input_at.push_back(plane.at(y - 1, x - 1));
      pixels.push_back((y * width + x) * out * number);
    }
  }
  for (std::int64_t tap = 0; tap < 9; ++tap) {
    tap_at.push_back(tap / 3 * plane.row_bytes() + tap % 3 * plane.pixel_bytes());
  }
  const cpu::RunTable runs(input_at, height, width, plane.pixel_bytes());
  cpu::ConvCall call{};
  call.input_image = plane.image_bytes();
  call.input_at = input_at.data();
  call.tap_at = tap_at.data();
  call.taps = 9;
  call.words = in / kernels.group;
  call.weights = data(weights);
  runs.fill(call);
  call.to.channels = out;
  call.to.pixels = height * width;
  call.to.active_image = height * width * out * number;
  call.to.active_at = pixels.data();
  // Few pictures are still shared out among the threads: which of them go together changes no sum.
  const std::int64_t threads = at::get_num_threads();
  const std::int64_t at_once =
      std::clamp<std::int64_t>(kPictureBytes / plane.image_bytes(), 1, (images + threads - 1) / threads);
  at::parallel_for(0, (images + at_once - 1) / at_once, 1, [&](std::int64_t first, std::int64_t last) {
    const torch::Tensor padded = bytes(at_once * plane.image_bytes());
    cpu::ConvCall own = call;
    own.input = data(padded);
    for (std::int64_t chunk = first; chunk < last; ++chunk) {
      const std::int64_t begin = chunk * at_once, count = std::min(at_once, images - begin);
      pad(input, begin, begin + count, plane, data(padded));
      own.to.active = data(output) + begin * call.to.active_image;
      own.last_row = count * call.to.pixels;
      kernels.convolve(own, 0, kernels.pieces(own));
    }
  });
  return output;
}

torch::Tensor tiles_gradient(const Kernels& kernels, const torch::Tensor& input, const torch::Tensor& slope) {
  const std::int64_t images = input.size(0), height = input.size(2), width = input.size(3);
  const std::int64_t in = input.size(1), out = slope.size(1);
  const std::int64_t at_once =
      std::clamp<std::int64_t>(kMostPlaces / ((height + 1) * (width + 1)), 1, images);
  const Strip strip(at_once, height, width);
  const std::int64_t all = strip.count() + 2 * strip.margin();
  // A whole number of cache lines, and an odd one: rows a power of two apart would push each other out of it.
  const std::int64_t row = (rounded_up(2 * all, 64) / 64 | 1) * 64;
  const torch::Tensor slopes = bytes(out * row), inputs = bytes(2 * in * strip.count());
  const torch::Tensor zeros = torch::zeros({2 * std::max(in, out)}, torch::kUInt8);
  torch::Tensor gradient = torch::empty({out, 9, in});
  std::array<std::ptrdiff_t, 9> tap_at{};
  for (std::int64_t tap = 0; tap < 9; ++tap) {
    tap_at[static_cast<std::size_t>(tap)] = -2 * ((tap / 3 - 1) * strip.pitch() + tap % 3 - 1);
  }
  cpu::StripCall call{};
  call.slopes = data(slopes) + 2 * strip.margin();
  call.slope_row = row;
  call.inputs = data(inputs);
  call.in = in;
  call.out = out;
  call.places = strip.count();
  call.tap_at = tap_at.data();
  call.gradient = gradient.data_ptr<float>();
  constexpr std::int64_t kSome = 64;  // Places that a thread takes at a time.
  for (std::int64_t begin = 0; begin < images; begin += at_once) {
    const std::int64_t count = std::min(at_once, images - begin);
    const auto from =
        strip.places(data(slope) + 2 * begin * height * width * out, count, 2 * out, data(zeros));
    const auto to = strip.places(data(input) + 2 * begin * height * width * in, count, 2 * in, data(zeros));
    at::parallel_for(0, (all + kSome - 1) / kSome, 1, [&](std::int64_t first, std::int64_t last) {
      first *= kSome;
      last = std::min(all, last * kSome);
      kernels.tile_train->transpose(from.data(), first, last, out, data(slopes), row);
      const std::int64_t most = strip.count();
      kernels.tile_train->interleave(to.data() + strip.margin(), std::min(first, most), std::min(last, most),
                                     most, in, data(inputs));
    });
    call.add = begin > 0;
    at::parallel_for(0, out / cpu::kStripBlock, 1, [&](std::int64_t first, std::int64_t last) {
      kernels.tile_train->multiply(call, first * cpu::kStripBlock, last * cpu::kStripBlock);
    });
  }
  return gradient.view({out, 3, 3, in}).permute({0, 3, 1, 2});
}

}  // namespace embed::nn
