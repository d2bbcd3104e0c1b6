// SPDX-License-Identifier: LGPL-2.1-or-later
#include "convert/weights_import.h"

#include <torch/nn.h>

#include <array>
#include <fstream>
#include <memory>

#include "convert/mxnet_params.h"
#include "convert/weight_names.h"
#include "embed/error.h"
#include "embed/nn/weights.h"

namespace training {

namespace {

using embed::DType;
using embed::Error;
using embed::ErrorCode;

/// An open file of either kind.
struct Source {
  std::unique_ptr<embed::SafetensorsFile> safetensors;
  std::unique_ptr<MxnetParams> params;
  NameStyle style = NameStyle::Torch;

  const std::map<std::string, embed::TensorView>& tensors() const {
    return params ? params->tensors() : safetensors->tensors();
  }
};

/// A zip archive (PyTorch's files since 1.6), or a bare pickle of protocol 2 to 5. The latter's first two
/// bytes could be a safetensors header's length; those of 4 GB and more, which its next bytes would make
/// it, do not exist.
bool is_pickle(const std::array<std::uint8_t, 8>& start) {
  if (start[0] == 'P' && start[1] == 'K' && start[2] == 3 && start[3] == 4) return true;
  return start[0] == 0x80 && start[1] >= 2 && start[1] <= 5 &&
         (start[4] != 0 || start[5] != 0 || start[6] != 0 || start[7] != 0);
}

Source open_source(const std::string& path) {
  std::array<std::uint8_t, 8> start{};
  std::ifstream(path, std::ios::binary).read(reinterpret_cast<char*>(start.data()), start.size());
  if (is_pickle(start)) {
    throw Error(ErrorCode::Unsupported,
                "a PyTorch pickle, which is not read, since it could run code. Make it a safetensors file: "
                "python3 -c \"import torch; from safetensors.torch import save_file; s = torch.load('" +
                    path +
                    "', map_location='cpu', weights_only=True); save_file({k: v.contiguous() for k, v in "
                    "s.get('state_dict', s).items()}, 'converted.safetensors')\"",
                path);
  }
  Source source;
  if (MxnetParams::is_one(start.data(), start.size())) {
    source.params = std::make_unique<MxnetParams>(path);
    source.style = NameStyle::Gluon;
  } else {
    source.safetensors = std::make_unique<embed::SafetensorsFile>(path);
  }
  return source;
}

std::map<std::string, torch::Tensor> network_tensors(const embed::nn::ResNet18V2& network) {
  std::map<std::string, torch::Tensor> tensors;
  for (const auto& item : network->named_parameters()) tensors[item.key()] = item.value();
  for (const auto& item : network->named_buffers()) {
    if (item.value().is_floating_point()) tensors[item.key()] = item.value();
  }
  return tensors;
}

std::string text_of(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  return text + "]";
}

bool is_float(DType type) {
  return type == DType::F32 || type == DType::F64 || type == DType::F16 || type == DType::BF16;
}

/// A dense layer may be stored as a 1×1 convolution.
std::vector<std::int64_t> without_ones_behind(std::vector<std::int64_t> shape, std::size_t dimensions) {
  while (shape.size() > dimensions && shape.back() == 1) shape.pop_back();
  return shape;
}

/// Takes a file's tensors into a network, one by one.
class Importer {
 public:
  Importer(const std::string& path, const Source& source, const ImportOptions& options,
           std::map<std::string, torch::Tensor> targets)
      : path_(path), source_(source), options_(options), targets_(std::move(targets)) {
    NamedShapes shapes;
    for (const auto& [name, view] : source.tensors()) shapes[name] = view.shape;
    report_.post_activation = is_post_activation(shapes, source.style);
    report_.wanted = targets_.size();
    if (options.v1_norms && (!report_.post_activation || source.style != NameStyle::Torch)) {
      throw Error(ErrorCode::Mismatch,
                  "not a ResNet v1 with torchvision's names: there are no batch norms that stand elsewhere",
                  path);
    }
  }

  ImportReport run() {
    for (const auto& [name, view] : source_.tensors()) {
      const std::string reason = take(name, view);
      if (!reason.empty()) report_.unused.emplace_back(name, reason);
    }
    for (const auto& [native, source] : taken_) report_.taken.push_back(native);
    for (const auto& [native, target] : targets_) {
      if (taken_.count(native) == 0) report_.missing.push_back(native);
    }
    if (taken_.empty()) {
      throw Error(ErrorCode::Mismatch,
                  "none of its " + std::to_string(source_.tensors().size()) +
                      " tensors is one of a ResNet-18 by name and shape" +
                      (report_.unused.empty()
                           ? ""
                           : "; the first, '" + report_.unused[0].first + "': " + report_.unused[0].second),
                  path_);
    }
    return report_;
  }

 private:
  /// Why not; empty when it was taken.
  std::string take(const std::string& name, const embed::TensorView& view) {
    std::string native = native_name(name, source_.style);
    if (report_.post_activation) {
      const std::string same = native_name_of_v1(name, source_.style, options_.v1_norms);
      if (same.empty() && !native.empty()) return "stands elsewhere in a ResNet v1";
      native = same;
    }
    const auto found = targets_.find(native);
    if (found == targets_.end()) return "the network has no such tensor";
    torch::Tensor& target = found->second;
    const std::vector<std::int64_t> shape = target.sizes().vec();
    if (without_ones_behind(view.shape, shape.size()) != shape)
      return text_of(view.shape) + ", " + text_of(shape) + " expected";
    if (!is_float(view.dtype)) return std::string(embed::to_string(view.dtype)) + " numbers, floats expected";
    if (!taken_.emplace(native, name).second) return "'" + taken_[native] + "' is that already";
    const torch::Tensor values = embed::nn::to_tensor(view).to(torch::kFloat32).view(shape);
    if (!embed::nn::all_finite(values))
      throw Error(ErrorCode::Format, "has values that are not finite", path_, name);
    if (native.find(".running_var") != std::string::npos && values.min().item<float>() < 0)
      throw Error(ErrorCode::Format, "a variance is negative", path_, name);
    target.copy_(values);
    return "";
  }

  const std::string& path_;
  const Source& source_;
  const ImportOptions& options_;
  std::map<std::string, torch::Tensor> targets_;
  std::map<std::string, std::string> taken_;  // By our name, the file's.
  ImportReport report_;
};

}  // namespace

ImportReport import_weights(const std::string& source, const std::string& out, const ImportOptions& options) {
  embed::validate(options.info.input);
  embed::check_writable(out);
  const Source file = open_source(source);
  const torch::NoGradGuard no_grad;
  torch::manual_seed(options.seed);
  embed::nn::ResNet18V2Options shape;
  shape.in_channels = options.info.input.channels;
  shape.head = options.info.head;
  embed::nn::ResNet18V2 network(shape);
  const ImportReport report = Importer(source, file, options, network_tensors(network)).run();
  embed::nn::save_weights(out, network, options.info, options.storage);
  return report;
}

}  // namespace training
