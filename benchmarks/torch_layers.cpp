// SPDX-License-Identifier: LGPL-2.1-or-later
// The network on LibTorch's layers in float32, also where our own kernels would compute it:
//
//   torch-layers WEIGHTS FACES
//
// embeds one face as a start, then FACES made-up ones, one by one, and prints the milliseconds that one of
// these takes (the median; 0 faces: none). scripts/arm64_instructions.py counts its instructions.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "embed/embedding.h"
#include "embed/model_info.h"
#include "embed/preprocess.h"
#include "net/load/torch_nets.h"

namespace {

void run(const std::string& weights, std::size_t faces) {
  embed::ModelInfo info;
  const std::unique_ptr<embed::Net> net = embed::make_layers_net(weights, "fp32", info);
  std::vector<std::uint8_t> crop(embed::crop_bytes(info.input));
  for (std::size_t i = 0; i < crop.size(); ++i) crop[i] = static_cast<std::uint8_t>(i * 37 + i / 251);
  embed::Embedding out;
  net->forward(crop.data(), 1, &out);
  std::vector<double> times;
  for (std::size_t face = 0; face < faces; ++face) {
    const auto start = std::chrono::steady_clock::now();
    net->forward(crop.data(), 1, &out);
    times.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
  }
  if (times.empty()) return;
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  std::printf("%.3f ms a face\n", *middle);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: torch-layers WEIGHTS FACES\n");
    return 2;
  }
  try {
    run(argv[1], std::stoul(argv[2]));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "torch-layers: %s\n", error.what());
    return 1;
  }
  return 0;
}
