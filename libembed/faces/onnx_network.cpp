// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/faces/onnx_network.h"

#include <cmath>
#include <opencv2/dnn.hpp>
#include <vector>

#include "embed/error.h"
#include "embed/preprocess.h"
#include "faces/files.h"
#include "faces/onnx_input.h"

namespace embed::faces {

namespace {

[[noreturn]] void refuse(const std::string& file, const std::string& why) {
  throw Error(ErrorCode::Format, why, file);
}

void require_size(const std::string& file, const std::vector<std::uint8_t>& model, const InputSpec& input) {
  const std::vector<std::int64_t> declared = declared_input(model.data(), model.size());
  const std::vector<std::int64_t> expected = {-1, input.channels, input.height, input.width};
  bool fits = declared.size() == expected.size();
  for (std::size_t i = 1; fits && i < expected.size(); ++i)
    fits = declared[i] == expected[i] || declared[i] <= 0;
  if (fits) return;
  std::string shape;
  for (const std::int64_t side : declared) shape += (shape.empty() ? "" : ", ") + std::to_string(side);
  refuse(file, "takes [" + shape + "], pictures of " + std::to_string(input.width) + "x" +
                   std::to_string(input.height) + " pixels and " + std::to_string(input.channels) +
                   " channels, [N, channels, height, width], expected");
}

}  // namespace

struct OnnxNetwork::Impl {
  std::string path;
  InputSpec input;
  cv::dnn::Net net;
  std::size_t dimension = 0;
  cv::Mat numbers;  // [N, channels, height, width] float32

  /// Bytes to numbers, pixel by pixel to plane by plane.
  void fill(const std::uint8_t* pictures, std::size_t count) {
    const int sizes[] = {static_cast<int>(count), input.channels, input.height, input.width};
    numbers.create(4, sizes, CV_32F);
    const auto channels = static_cast<std::size_t>(input.channels);
    const std::size_t plane = static_cast<std::size_t>(input.width) * static_cast<std::size_t>(input.height);
    auto* out = numbers.ptr<float>();
    for (std::size_t i = 0; i < count; ++i, pictures += plane * channels) {
      for (std::size_t c = 0; c < channels; ++c, out += plane) {
        const float scale = 1 / (255 * input.std[c]), shift = input.mean[c] / input.std[c];
        for (std::size_t p = 0; p < plane; ++p)
          out[p] = static_cast<float>(pictures[p * channels + c]) * scale - shift;
      }
    }
  }

  cv::Mat forward(const std::uint8_t* pictures, std::size_t count) {
    fill(pictures, count);
    try {
      net.setInput(numbers);
      const cv::Mat out = net.forward();
      if (out.depth() == CV_32F && out.size[0] == static_cast<int>(count) && out.total() % count == 0)
        return out.isContinuous() ? out : out.clone();
    } catch (const std::exception&) {
      // Told below: OpenCV's own words name neither the file nor the size.
    }
    refuse(path, "does not turn pictures of " + std::to_string(input.width) + "x" +
                     std::to_string(input.height) + " pixels and " + std::to_string(input.channels) +
                     " channels into a vector each");
  }
};

OnnxNetwork::OnnxNetwork(const std::string& path, const InputSpec& input) : impl_(std::make_unique<Impl>()) {
  impl_->path = path;
  impl_->input = input;
  const std::vector<std::uint8_t> bytes = read_file(path);
  if (bytes.empty()) refuse(path, "the file is empty, not an ONNX model");
  try {
    impl_->net = cv::dnn::readNetFromONNX(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  } catch (const std::exception&) {
    refuse(path, "not a readable ONNX model (damaged, truncated or of another kind)");
  }
  if (impl_->net.empty()) refuse(path, "the ONNX model is empty");
  require_size(path, bytes, input);
  impl_->net.setPreferableBackend(cv::dnn::DNN_BACKEND_OPENCV);
  impl_->net.setPreferableTarget(cv::dnn::DNN_TARGET_CPU);
  // A first pass shows whether this OpenCV can run the file, before a long work begins.
  const std::vector<std::uint8_t> black(2 * crop_bytes(input));
  for (const std::size_t count : {1U, 2U})
    impl_->dimension = impl_->forward(black.data(), count).total() / count;
}

OnnxNetwork::~OnnxNetwork() = default;

std::size_t OnnxNetwork::dimension() const noexcept {
  return impl_->dimension;
}

void OnnxNetwork::run(const std::uint8_t* pictures, std::size_t count, float* vectors) {
  if (count == 0) return;
  const cv::Mat out = impl_->forward(pictures, count);
  const auto* values = out.ptr<float>();
  for (std::size_t i = 0; i < count * impl_->dimension; ++i) {
    if (!std::isfinite(values[i])) refuse(impl_->path, "gives numbers that are not finite");
    vectors[i] = values[i];
  }
}

}  // namespace embed::faces
