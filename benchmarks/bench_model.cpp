// SPDX-License-Identifier: LGPL-2.1-or-later
// What the runtimes are compared on:
//
//   bench-model weights OUT SIDE [FROM]    FROM's network (random without it, seeded) for pictures of
//   SIDE×SIDE bench-model reference WEIGHTS CROPS OUT
//
// `reference` writes the embeddings of the crops, [count, 128] float32, as the trainer's network computes
// them: LibTorch's layers one by one in float32, nothing folded, so that no runtime is measured against
// itself.
#include <torch/types.h>
#include <torch/utils.h>

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include "embed/nn/weights.h"
#include "embed/preprocess.h"

namespace {

void write_weights(const std::string& out, int side, const std::string& from) {
  embed::nn::LoadedModel model;
  if (from.empty()) {
    torch::manual_seed(1);
    model.network = embed::nn::ResNet18V2();
  } else {
    model = embed::nn::load_weights(from);
  }
  model.info.input.width = side;
  model.info.input.height = side;
  embed::validate(model.info.input);
  embed::nn::save_weights(out, model.network, model.info, embed::DType::F16);
}

void write_reference(const std::string& weights, const std::string& crops, const std::string& out) {
  embed::nn::LoadedModel model = embed::nn::load_weights(weights);
  const embed::InputSpec& input = model.info.input;
  std::ifstream file(crops, std::ios::binary);
  std::vector<std::uint8_t> bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (bytes.empty() || bytes.size() % embed::crop_bytes(input) != 0) {
    throw std::invalid_argument(crops + ": crops of " + std::to_string(embed::crop_bytes(input)) +
                                " bytes expected");
  }
  const torch::NoGradGuard guard;
  const auto count = static_cast<std::int64_t>(bytes.size() / embed::crop_bytes(input));
  const torch::Tensor pictures =
      torch::from_blob(bytes.data(), {count, input.height, input.width, input.channels}, torch::kUInt8);
  const torch::Tensor values = model.network->forward(embed::nn::normalise(pictures, input)).contiguous();
  std::ofstream written(out, std::ios::binary);
  written.write(static_cast<const char*>(values.data_ptr()), static_cast<std::streamsize>(values.nbytes()));
  if (!written.flush()) throw std::invalid_argument(out + ": cannot be written");
}

}  // namespace

int main(int argc, char** argv) {
  const std::string verb = argc > 1 ? argv[1] : "";
  try {
    if (verb == "weights" && (argc == 4 || argc == 5)) {
      write_weights(argv[2], std::stoi(argv[3]), argc == 5 ? argv[4] : "");
    } else if (verb == "reference" && argc == 5) {
      write_reference(argv[2], argv[3], argv[4]);
    } else {
      throw std::invalid_argument("weights OUT SIDE [FROM], or reference WEIGHTS CROPS OUT");
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench-model: %s\n", error.what());
    return 1;
  }
  return 0;
}
