// SPDX-License-Identifier: LGPL-2.1-or-later
// The tensors of ResNet18-v2 by name and shape, for those who look at files without LibTorch.
#include <string>
#include <vector>

#include "embed/embedding.h"
#include "embed/error.h"
#include "embed/model_info.h"
#include "embed/safetensors.h"

namespace embed {

namespace {

using Shapes = std::map<std::string, std::vector<std::int64_t>>;

void add_norm(const std::string& name, std::int64_t channels, Shapes& shapes) {
  for (const char* part : {".bias", ".running_mean", ".running_var", ".weight"})
    shapes[name + part] = {channels};
}

void add_block(const std::string& name, std::int64_t in, std::int64_t out, Shapes& shapes) {
  add_norm(name + ".bn1", in, shapes);
  add_norm(name + ".bn2", out, shapes);
  shapes[name + ".conv1.weight"] = {out, in, 3, 3};
  shapes[name + ".conv2.weight"] = {out, out, 3, 3};
  if (in != out) shapes[name + ".shortcut.weight"] = {out, in, 1, 1};
}

}  // namespace

std::map<std::string, std::vector<std::int64_t>> network_tensors(int channels) {
  constexpr std::int64_t kStem = 64, kLast = 512;
  const auto dimension = static_cast<std::int64_t>(kEmbeddingDim);
  // The input's batch norm has neither scale nor shift.
  Shapes shapes = {{"input_bn.running_mean", {channels}},
                   {"input_bn.running_var", {channels}},
                   {"stem_conv.weight", {kStem, channels, 7, 7}},
                   {"dense.weight", {dimension, kLast}},
                   {"dense.bias", {dimension}}};
  add_norm("stem_bn", kStem, shapes);
  add_norm("final_bn", kLast, shapes);
  std::int64_t in = kStem;
  for (int stage = 1; stage <= 4; ++stage) {
    const std::int64_t out = kStem << (stage - 1);
    const std::string name = "stage" + std::to_string(stage);
    add_block(name + ".0", in, out, shapes);
    add_block(name + ".1", out, out, shapes);
    in = out;
  }
  return shapes;
}

void require_network(const SafetensorsFile& file, const std::string& prefix, int channels) {
  const Shapes shapes = network_tensors(channels);
  std::size_t missing = 0;
  std::string first;
  for (const auto& [name, shape] : shapes) {
    const auto found = file.tensors().find(prefix + name);
    if (found == file.tensors().end()) {
      if (missing++ == 0) first = prefix + name;
    } else {
      file.tensor(prefix + name, found->second.dtype, shape);
    }
  }
  if (missing == 0) return;
  throw Error(ErrorCode::Format,
              "missing, as " + std::to_string(missing) + " of the network's " +
                  std::to_string(shapes.size()) + " tensors are",
              file.path(), first);
}

}  // namespace embed
