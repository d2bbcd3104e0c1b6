// SPDX-License-Identifier: LGPL-2.1-or-later
// Weights of a network that nobody trained.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <random>

#include "embed/model_info.h"
#include "embed/safetensors.h"
#include "fixtures.h"

namespace fixtures {

namespace {

using Tensors = std::map<std::string, std::vector<float>>;

std::size_t size_of_shape(const std::vector<std::int64_t>& shape) {
  std::size_t count = 1;
  for (const std::int64_t side : shape) count *= static_cast<std::size_t>(side);
  return count;
}

/// Nearly normal, with a deviation of 1: the sum of a random number's four parts.
float normal(std::mt19937_64& random) {
  const std::uint64_t bits = random();
  const auto part = [bits](int index) { return static_cast<float>(bits >> 16 * index & 0xFFFF); };
  return (part(0) + part(1) + part(2) + part(3) - 2 * 65535.0F) / 65536.0F * std::sqrt(3.0F);
}

/// Convolutions He-normal by what they feed (He et al. 2015), batch norms that change nothing.
Tensors first_tensors(const std::map<std::string, std::vector<std::int64_t>>& shapes, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Tensors tensors;
  for (const auto& [name, shape] : shapes) {
    std::vector<float>& values = tensors[name];
    const bool one = shape.size() == 1 && name.find("weight") != std::string::npos;
    values.assign(size_of_shape(shape), one ? 1.0F : 0.0F);
    if (shape.size() == 1) continue;
    const auto out = static_cast<float>(shape[0]);
    const auto fed = static_cast<float>(values.size()) / static_cast<float>(shape[1]);
    const float deviation =
        shape.size() == 4 ? std::sqrt(2 / fed) : std::sqrt(2 / (out + static_cast<float>(shape[1])));
    for (float& value : values) value = deviation * normal(random);
  }
  return tensors;
}

/// Feature maps, [images][height][width][channels].
struct Maps {
  std::int64_t images = 0, height = 0, width = 0, channels = 0;
  std::vector<float> values;
  std::int64_t pixels() const { return images * height * width; }
};

Maps convolve(const Maps& in, const std::vector<float>& weights, std::int64_t out, std::int64_t stride) {
  const std::int64_t taps = static_cast<std::int64_t>(weights.size()) / (out * in.channels);
  const auto kernel = static_cast<std::int64_t>(std::lround(std::sqrt(static_cast<double>(taps))));
  // [tap][in][out]: the inner loop goes through numbers that lie side by side.
  std::vector<float> by_tap(weights.size());
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const auto tap = static_cast<std::int64_t>(i) % taps, rest = static_cast<std::int64_t>(i) / taps;
    by_tap[static_cast<std::size_t>((tap * in.channels + rest % in.channels) * out + rest / in.channels)] =
        weights[i];
  }
  Maps result{in.images, (in.height - 1) / stride + 1, (in.width - 1) / stride + 1, out, {}};
  result.values.resize(static_cast<std::size_t>(result.pixels() * out));
  float* sums = result.values.data();
  for (std::int64_t pixel = 0; pixel < result.pixels(); ++pixel, sums += out) {
    const std::int64_t image = pixel / (result.height * result.width);
    const std::int64_t top = pixel / result.width % result.height * stride - kernel / 2;
    const std::int64_t left = pixel % result.width * stride - kernel / 2;
    for (std::int64_t tap = 0; tap < taps; ++tap) {
      const std::int64_t y = top + tap / kernel, x = left + tap % kernel;
      if (y < 0 || x < 0 || y >= in.height || x >= in.width) continue;
      const float* from = in.values.data() + ((image * in.height + y) * in.width + x) * in.channels;
      for (std::int64_t i = 0; i < in.channels; ++i) {
        const float* weight = by_tap.data() + (tap * in.channels + i) * out;
        for (std::int64_t o = 0; o < out; ++o) sums[o] += from[i] * weight[o];
      }
    }
  }
  return result;
}

Maps pooled(const Maps& in) {
  Maps result{in.images, (in.height + 1) / 2, (in.width + 1) / 2, in.channels, {}};
  for (std::int64_t pixel = 0; pixel < result.pixels(); ++pixel) {
    const std::int64_t image = pixel / (result.height * result.width);
    const std::int64_t y = pixel / result.width % result.height * 2, x = pixel % result.width * 2;
    for (std::int64_t c = 0; c < in.channels; ++c) {
      float most = 0;  // Behind a ReLU.
      for (std::int64_t row = std::max<std::int64_t>(y - 1, 0); row <= std::min(y + 1, in.height - 1);
           ++row) {
        for (std::int64_t at = std::max<std::int64_t>(x - 1, 0); at <= std::min(x + 1, in.width - 1); ++at) {
          const std::int64_t from = ((image * in.height + row) * in.width + at) * in.channels + c;
          most = std::max(most, in.values[static_cast<std::size_t>(from)]);
        }
      }
      result.values.push_back(most);
    }
  }
  return result;
}

/// A batch norm with the maps' own statistics, which become its running ones, and a ReLU.
Maps normalised(Maps maps, const std::string& name, Tensors& tensors, bool relu = true) {
  const auto channels = static_cast<std::size_t>(maps.channels);
  const auto count = static_cast<double>(maps.pixels());
  for (std::size_t c = 0; c < channels; ++c) {
    double sum = 0, square = 0;
    for (std::size_t i = c; i < maps.values.size(); i += channels) {
      sum += maps.values[i];
      square += static_cast<double>(maps.values[i]) * maps.values[i];
    }
    const double mean = sum / count, variance = std::max(0.0, square / count - mean * mean);
    tensors[name + ".running_mean"][c] = static_cast<float>(mean);
    tensors[name + ".running_var"][c] = static_cast<float>(variance * count / std::max(1.0, count - 1));
    const auto scale = static_cast<float>(1 / std::sqrt(variance + 1e-5));
    for (std::size_t i = c; i < maps.values.size(); i += channels) {
      const float value = (maps.values[i] - static_cast<float>(mean)) * scale;
      maps.values[i] = relu ? std::max(0.0F, value) : value;
    }
  }
  return maps;
}

Maps block(const Maps& in, const std::string& name, std::int64_t out, Tensors& tensors) {
  const std::int64_t stride = in.channels == out ? 1 : out == 64 ? 1 : 2;
  const Maps active = normalised(in, name + ".bn1", tensors);
  const auto shortcut = tensors.find(name + ".shortcut.weight");
  const Maps carried = shortcut == tensors.end() ? in : convolve(active, shortcut->second, out, stride);
  Maps sum = convolve(active, tensors[name + ".conv1.weight"], out, stride);
  sum = convolve(normalised(std::move(sum), name + ".bn2", tensors), tensors[name + ".conv2.weight"], out, 1);
  for (std::size_t i = 0; i < sum.values.size(); ++i) sum.values[i] += carried.values[i];
  return sum;
}

/// Some painted pictures as the network's input.
Maps painted(const embed::InputSpec& input, std::uint64_t seed) {
  Maps maps{8, input.height, input.width, input.channels, {}};
  for (std::int64_t i = 0; i < maps.images; ++i) {
    const auto rgb = rgb_pattern(static_cast<int>(maps.width), static_cast<int>(maps.height),
                                 seed * 1000 + static_cast<std::uint64_t>(i));
    for (std::size_t p = 0; p < rgb.size(); p += 3) {
      for (std::size_t c = 0; c < static_cast<std::size_t>(input.channels); ++c) {
        maps.values.push_back((static_cast<float>(rgb[p + c]) / 255 - input.mean[c]) / input.std[c]);
      }
    }
  }
  return maps;
}

/// Makes the running statistics those of one batch.
void settle(Maps maps, Tensors& tensors) {
  maps = normalised(std::move(maps), "input_bn", tensors, /*relu=*/false);
  maps = convolve(maps, tensors["stem_conv.weight"], 64, 2);
  maps = pooled(normalised(std::move(maps), "stem_bn", tensors));
  for (int stage = 0; stage < 4; ++stage) {
    for (const char* part : {".0", ".1"}) {
      maps = block(maps, "stage" + std::to_string(stage + 1) + part, std::int64_t{64} << stage, tensors);
    }
  }
  normalised(std::move(maps), "final_bn", tensors);
}

/// Rounded to the nearest, ties to even; values that a float16 has without a leading zero or an exponent too
/// large.
std::uint16_t to_f16(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  const std::uint32_t sign = bits >> 16 & 0x8000U;
  const float magnitude = std::abs(value);
  if (magnitude < 0x1p-14F)  // Multiples of the smallest.
    return static_cast<std::uint16_t>(sign | static_cast<std::uint32_t>(std::lrint(magnitude * 0x1p24F)));
  bits = (bits & 0x7FFFFFFFU) - (112U << 23);
  bits += 0xFFFU + (bits >> 13 & 1U);
  return static_cast<std::uint16_t>(sign | bits >> 13);
}

std::uint16_t to_bf16(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  bits += 0x7FFFU + (bits >> 16 & 1U);
  return static_cast<std::uint16_t>(bits >> 16);
}

}  // namespace

std::string write_weights(const std::string& path, const WeightsOptions& options) {
  const auto shapes = embed::network_tensors(options.input.channels);
  Tensors tensors = first_tensors(shapes, options.seed);
  settle(painted(options.input, options.seed), tensors);
  std::map<std::string, std::vector<std::uint16_t>> halves;
  std::map<std::string, embed::TensorView> views;
  for (const auto& [name, values] : tensors) {
    embed::TensorView view{embed::DType::F32, shapes.at(name), nullptr, 4 * values.size()};
    view.data = reinterpret_cast<const std::uint8_t*>(values.data());
    if (options.storage != embed::DType::F32 && name.find(".running_") == std::string::npos) {
      std::vector<std::uint16_t>& half = halves[name];
      for (const float value : values) {
        half.push_back(options.storage == embed::DType::F16 ? to_f16(value) : to_bf16(value));
      }
      view.dtype = options.storage;
      view.bytes = 2 * half.size();
      view.data = reinterpret_cast<const std::uint8_t*>(half.data());
    }
    views[name] = view;
  }
  embed::ModelInfo info;
  info.head = options.head;
  info.input = options.input;
  info.metric = options.metric;
  info.threshold = options.threshold;
  info.trained_on = "nothing: random weights of a test";
  std::map<std::string, std::string> metadata = embed::to_metadata(info);
  metadata["kind"] = "tripletembed.weights";
  metadata["version"] = "1";
  embed::write_safetensors(path, views, metadata);
  return path;
}

}  // namespace fixtures
