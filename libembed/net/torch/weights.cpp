// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/nn/weights.h"

#include <cstring>
#include <future>

#include "embed/error.h"
#include "files/weights_file.h"

namespace embed::nn {

namespace {

torch::ScalarType scalar_type(DType dtype) {
  switch (dtype) {
    case DType::Bool:
      return torch::kBool;
    case DType::U8:
      return torch::kUInt8;
    case DType::I8:
      return torch::kInt8;
    case DType::I16:
      return torch::kInt16;
    case DType::I32:
      return torch::kInt32;
    case DType::I64:
      return torch::kInt64;
    case DType::F16:
      return torch::kFloat16;
    case DType::BF16:
      return torch::kBFloat16;
    case DType::F32:
      return torch::kFloat32;
    case DType::F64:
      return torch::kFloat64;
    case DType::U16:
    case DType::U32:
    case DType::U64:
      break;
  }
  throw Error(ErrorCode::Unsupported, std::string("LibTorch has no tensors of dtype ") + to_string(dtype));
}

DType dtype_of(torch::ScalarType type) {
  for (const DType dtype : {DType::Bool, DType::U8, DType::I8, DType::I16, DType::I32, DType::I64, DType::F16,
                            DType::BF16, DType::F32, DType::F64}) {
    if (scalar_type(dtype) == type) return dtype;
  }
  throw Error(ErrorCode::Unsupported, std::string("no safetensors dtype for ") + torch::toString(type));
}

/// Everything of a network that is stored: parameters, and the running mean and variance of each batch norm.
/// LibTorch's batch counters (num_batches_tracked) have no use with a fixed momentum and are left out.
std::map<std::string, torch::Tensor> stored_tensors(const ResNet18V2& network) {
  std::map<std::string, torch::Tensor> tensors;
  for (const auto& item : network->named_parameters()) tensors[item.key()] = item.value();
  for (const auto& item : network->named_buffers()) {
    if (item.value().is_floating_point()) tensors[item.key()] = item.value();
  }
  return tensors;
}

bool is_running_statistic(const std::string& name) {
  return name.find(".running_") != std::string::npos;
}

}  // namespace

bool all_finite(const torch::Tensor& values) {
  if (!values.is_cpu() || values.scalar_type() != torch::kFloat32 || !values.is_non_overlapping_and_dense())
    return torch::isfinite(values).all().item<bool>();
  return embed::all_finite(values.data_ptr(), static_cast<std::size_t>(values.numel()));
}

torch::Tensor to_tensor(const TensorView& view) {
  torch::Tensor tensor = torch::empty(view.shape, scalar_type(view.dtype));
  if (view.bytes > 0) std::memcpy(tensor.data_ptr(), view.data, view.bytes);
  return tensor;
}

TensorView to_view(const torch::Tensor& tensor) {
  if (!tensor.device().is_cpu() || !tensor.is_contiguous()) {
    throw Error(ErrorCode::InvalidArgument, "a contiguous CPU tensor expected");
  }
  TensorView view;
  view.dtype = dtype_of(tensor.scalar_type());
  view.shape.assign(tensor.sizes().begin(), tensor.sizes().end());
  view.data = static_cast<const std::uint8_t*>(tensor.data_ptr());
  view.bytes = static_cast<std::size_t>(tensor.numel()) * tensor.element_size();
  return view;
}

LoadedModel load_weights(const std::string& path) {
  const WeightsFile file(path);
  LoadedModel model;
  model.info = file.info();
  // Takes as long as the rest, and needs nothing of it.
  std::future<std::string> digest =
      std::async(std::launch::async, [&file] { return weights_sha256(file.file(), file.info()); });
  const torch::NoGradGuard no_grad;
  ResNet18V2Options options;
  options.in_channels = model.info.input.channels;
  options.head = model.info.head;
  options.first_weights = FirstWeights::Undefined;
  model.network = ResNet18V2(options);
  for (auto& [name, target] : stored_tensors(model.network)) {
    // Nothing of a network that was just made is anything but contiguous float32.
    file.read(name, target.data_ptr<float>());
  }
  model.network->eval();
  model.info.sha256 = digest.get();
  return model;
}

void save_weights(const std::string& path, const ResNet18V2& network, const ModelInfo& info, DType storage) {
  if (storage != DType::F32 && storage != DType::F16 && storage != DType::BF16) {
    throw Error(ErrorCode::InvalidArgument, "weights are stored as F32, F16 or BF16");
  }
  const torch::NoGradGuard no_grad;
  std::map<std::string, torch::Tensor> kept;
  std::map<std::string, TensorView> views;
  for (const auto& [name, tensor] : stored_tensors(network)) {
    const torch::ScalarType type = is_running_statistic(name) ? torch::kFloat32 : scalar_type(storage);
    kept[name] = tensor.detach().to(torch::kCPU, type).contiguous();
    views[name] = to_view(kept[name]);
  }
  std::map<std::string, std::string> metadata = to_metadata(info);
  metadata["kind"] = kWeightsKind;
  metadata["version"] = std::to_string(kWeightsVersion);
  write_safetensors(path, views, metadata);
}

}  // namespace embed::nn
