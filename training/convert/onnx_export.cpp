// SPDX-License-Identifier: LGPL-2.1-or-later
#include "convert/onnx_export.h"

#include <torch/types.h>

#include <string>
#include <vector>

#include "base/protobuf_writer.h"
#include "embed/nn/weights.h"
#include "embed/safetensors.h"

namespace training {

namespace {

// Field numbers and constants of onnx/onnx.proto.
constexpr std::uint64_t kIrVersion = 5, kOpset = 10, kFloat = 1;
constexpr float kSmallestNorm = 1e-12F;  // As in the network's own head.
enum AttributeType { kAttributeFloat = 1, kAttributeInt = 2, kAttributeInts = 7 };

ProtobufWriter attribute(const std::string& name, float value) {
  return ProtobufWriter().bytes(1, name).real32(2, value).integer(20, kAttributeFloat);
}

ProtobufWriter attribute(const std::string& name, std::int64_t value) {
  return ProtobufWriter()
      .bytes(1, name)
      .integer(3, static_cast<std::uint64_t>(value))
      .integer(20, kAttributeInt);
}

ProtobufWriter attribute(const std::string& name, const std::vector<std::int64_t>& values) {
  ProtobufWriter writer = ProtobufWriter().bytes(1, name);
  for (const std::int64_t value : values) writer.integer(8, static_cast<std::uint64_t>(value));
  return writer.integer(20, kAttributeInts);
}

/// A graph under construction: values are named after what made them.
class Graph {
 public:
  /// [N, shape…] float32; N is free.
  ProtobufWriter value(const std::string& name, const std::vector<std::int64_t>& shape) const {
    ProtobufWriter dimensions = ProtobufWriter().message(1, ProtobufWriter().bytes(2, "N"));
    for (const std::int64_t side : shape)
      dimensions.message(1, ProtobufWriter().integer(1, static_cast<std::uint64_t>(side)));
    const ProtobufWriter tensor = ProtobufWriter().integer(1, kFloat).message(2, dimensions);
    return ProtobufWriter().bytes(1, name).message(2, ProtobufWriter().message(1, tensor));
  }

  std::string constant(const std::string& name, const torch::Tensor& tensor) {
    const torch::Tensor flat = tensor.detach().to(torch::kFloat32).contiguous();
    ProtobufWriter writer;
    for (const std::int64_t side : flat.sizes()) writer.integer(1, static_cast<std::uint64_t>(side));
    writer.integer(2, kFloat).bytes(8, name).bytes(
        9, std::string(static_cast<const char*>(flat.data_ptr()), static_cast<std::size_t>(flat.nbytes())));
    graph_.message(5, writer);
    return name;
  }

  std::string node(const std::string& type, const std::string& name, const std::vector<std::string>& inputs,
                   const std::vector<ProtobufWriter>& attributes = {}) {
    ProtobufWriter writer;
    for (const std::string& input : inputs) writer.bytes(1, input);
    writer.bytes(2, name).bytes(3, name).bytes(4, type);
    for (const ProtobufWriter& one : attributes) writer.message(5, one);
    graph_.message(1, writer);
    return name;
  }

  std::string conv(const std::string& name, const torch::nn::Conv2d& layer, const std::string& input) {
    const auto& weight = layer->weight;
    const std::int64_t stride = layer->options.stride()->at(0), side = weight.size(2), pad = side / 2;
    return node("Conv", name, {input, constant(name + ".weight", weight)},
                {attribute("kernel_shape", std::vector<std::int64_t>{side, side}),
                 attribute("strides", std::vector<std::int64_t>{stride, stride}),
                 attribute("pads", std::vector<std::int64_t>{pad, pad, pad, pad})});
  }

  std::string batch_norm(const std::string& name, const torch::nn::BatchNorm2d& layer,
                         const std::string& input, bool relu = true) {
    const std::string normal = batch_norm(name, layer->weight, layer->bias, layer->running_mean,
                                          layer->running_var, layer->options.eps(), input);
    return relu ? node("Relu", name + ".relu", {normal}) : normal;
  }

  std::string batch_norm(const std::string& name, const torch::Tensor& weight, const torch::Tensor& bias,
                         const torch::Tensor& mean, const torch::Tensor& variance, double eps,
                         const std::string& input) {
    return node("BatchNormalization", name,
                {input, constant(name + ".weight", weight), constant(name + ".bias", bias),
                 constant(name + ".mean", mean), constant(name + ".variance", variance)},
                {attribute("epsilon", static_cast<float>(eps))});
  }

  std::string block(const std::string& name, embed::nn::BasicBlockV2Impl& block, const std::string& input) {
    const std::string active = batch_norm(name + ".bn1", block.bn1, input);
    const std::string carried =
        block.shortcut.is_empty() ? input : conv(name + ".shortcut", block.shortcut, active);
    const std::string middle =
        batch_norm(name + ".bn2", block.bn2, conv(name + ".conv1", block.conv1, active));
    return node("Add", name, {conv(name + ".conv2", block.conv2, middle), carried});
  }

  ProtobufWriter finish(const ProtobufWriter& input, const ProtobufWriter& output) {
    return graph_.bytes(2, "resnet18_v2").message(11, input).message(12, output);
  }

 private:
  ProtobufWriter graph_;
};

/// Bytes to the stem's input in one layer: ((x / 255 − mean) / std − running mean) / √(running variance + ε)
/// is a batch norm with the mean 255 (mean + std · running mean) and the variance (255 std)² (running
/// variance + ε).
std::string add_input(Graph& graph, const embed::nn::ResNet18V2& network, const embed::InputSpec& input) {
  const auto channels = static_cast<std::int64_t>(input.channels);
  const torch::Tensor mean = torch::empty({channels}), std = torch::empty({channels});
  for (std::int64_t c = 0; c < channels; ++c) {
    mean[c] = input.mean[static_cast<std::size_t>(c)];
    std[c] = input.std[static_cast<std::size_t>(c)];
  }
  const torch::nn::BatchNorm2d& bn = network->input_bn;
  // The epsilon is in the variance already; ONNX wants one, and next to 255² this is nothing.
  return graph.batch_norm("input_bn", torch::ones({channels}), torch::zeros({channels}),
                          255 * (mean + std * bn->running_mean),
                          (255 * std).square() * (bn->running_var + bn->options.eps()), 1e-12, "images");
}

void add_head(Graph& graph, embed::Head head, const std::string& dense) {
  switch (head) {
    case embed::Head::Sigmoid:
      graph.node("Sigmoid", "embeddings", {dense});
      return;
    case embed::Head::L2: {
      // The steps by which PyTorch writes a division by the norm: runtimes know them, and make them one
      // again.
      const std::string norm = graph.node(
          "ReduceL2", "norm", {dense},
          {attribute("axes", std::vector<std::int64_t>{1}), attribute("keepdims", std::int64_t{1})});
      const std::string safe = graph.node("Clip", "norm.safe", {norm}, {attribute("min", kSmallestNorm)});
      const std::string wide =
          graph.node("Expand", "norm.wide", {safe, graph.node("Shape", "dense.shape", {dense})});
      graph.node("Div", "embeddings", {dense, wide});
      return;
    }
    case embed::Head::Linear:
      graph.node("Identity", "embeddings", {dense});
      return;
  }
}

}  // namespace

void export_onnx(const std::string& weights, const std::string& path) {
  const torch::NoGradGuard no_grad;
  embed::nn::LoadedModel model = embed::nn::load_weights(weights);
  embed::nn::ResNet18V2& network = model.network;
  const embed::InputSpec& input = model.info.input;
  Graph graph;
  std::string x = add_input(graph, network, input);
  x = graph.batch_norm("stem_bn", network->stem_bn, graph.conv("stem_conv", network->stem_conv, x));
  x = graph.node("MaxPool", "stem_pool", {x},
                 {attribute("kernel_shape", std::vector<std::int64_t>{3, 3}),
                  attribute("strides", std::vector<std::int64_t>{2, 2}),
                  attribute("pads", std::vector<std::int64_t>{1, 1, 1, 1})});
  std::int64_t number = 0;
  for (torch::nn::Sequential stage : {network->stage1, network->stage2, network->stage3, network->stage4}) {
    ++number;
    std::int64_t place = 0;
    for (torch::nn::AnyModule& block : *stage) {
      x = graph.block("stage" + std::to_string(number) + "." + std::to_string(place++),
                      block.get<embed::nn::BasicBlockV2Impl>(), x);
    }
  }
  x = graph.batch_norm("final_bn", network->final_bn, x);
  x = graph.node("Flatten", "flat", {graph.node("GlobalAveragePool", "pool", {x})},
                 {attribute("axis", std::int64_t{1})});
  const torch::nn::Linear& dense = network->dense;
  x = graph.node(
      "Gemm", "dense",
      {x, graph.constant("dense.weight", dense->weight), graph.constant("dense.bias", dense->bias)},
      {attribute("transB", std::int64_t{1})});
  add_head(graph, model.info.head, x);

  ProtobufWriter onnx;
  onnx.integer(1, kIrVersion).bytes(2, "tripletembed");
  onnx.message(7, graph.finish(graph.value("images", {input.channels, input.height, input.width}),
                               graph.value("embeddings", {network->options().embedding_dim})));
  onnx.message(8, ProtobufWriter().bytes(1, "").integer(2, kOpset));
  for (const auto& [key, value] : embed::to_metadata(model.info))
    onnx.message(14, ProtobufWriter().bytes(1, key).bytes(2, value));
  embed::write_file_atomically(path, onnx.text().data(), onnx.text().size());
}

}  // namespace training
