// SPDX-License-Identifier: LGPL-2.1-or-later
#include "net/torch/device.h"

#include <torch/cuda.h>

#include <algorithm>

#include "base/cpu_features.h"
#include "embed/error.h"
#include "embed/nn/precision.h"

namespace embed {

namespace {

torch::Device cuda_device(const std::string& text) {
  std::size_t index = 0;
  if (text.size() > 4) {
    const std::string digits = text.substr(5);
    const bool valid = text[4] == ':' && !digits.empty() && digits.size() <= 3 &&
                       std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!valid) throw Error(ErrorCode::InvalidArgument, "device '" + text + "': cuda or cuda:N expected");
    index = static_cast<std::size_t>(std::stoi(digits));
  }
  const std::size_t count =
      torch::cuda::is_available() ? static_cast<std::size_t>(torch::cuda::device_count()) : 0;
  if (index >= count) {
    throw Error(ErrorCode::Device,
                "device '" + text + "' is not usable: LibTorch sees " + std::to_string(count) +
                    " CUDA devices; take device=cpu, or a LibTorch built with CUDA and a working "
                    "driver");
  }
  return {torch::kCUDA, static_cast<torch::DeviceIndex>(index)};
}

}  // namespace

torch::Device parse_device(const std::string& text) {
  if (text == "cpu") return torch::kCPU;
  if (text == "auto")
    return torch::cuda::is_available() ? torch::Device(torch::kCUDA, 0) : torch::Device(torch::kCPU);
  if (text.compare(0, 4, "cuda") == 0) return cuda_device(text);
  throw Error(ErrorCode::InvalidArgument,
              "device '" + text + "' is unknown; one of: auto, cpu, cuda, cuda:N");
}

std::string resolve_precision(const std::string& text, torch::Device device) {
  if (text == "auto") return nn::prefers_bf16(device) ? "bf16" : "fp32";
  for (const char* known : {"fp32", "bf16", "fp16", "int8"}) {
    if (text == known) return text;
  }
  throw Error(ErrorCode::InvalidArgument,
              "precision '" + text + "' is unknown; one of: auto, fp32, bf16, fp16, int8");
}

bool nn::has_native_bf16(torch::Device device) {
  if (device.is_cuda()) return true;
  return cpu_features().avx512_bf16;
}

bool nn::prefers_bf16(torch::Device device) {
  if (device.is_cuda() || !has_native_bf16(device)) return device.is_cuda();
#if defined(__x86_64__) && defined(__GNUC__)
  return cpu_features().amx_bf16 || __builtin_cpu_is("intel") == 0;
#else
  return true;
#endif
}

torch::ScalarType scalar_type(const std::string& precision) {
  if (precision == "bf16") return torch::kBFloat16;
  if (precision == "fp16") return torch::kFloat16;
  if (precision == "fp32") return torch::kFloat32;
  throw Error(ErrorCode::Unsupported,
              "precision " + precision + " needs a CPU with AVX512-VNNI; take fp32, bf16, or auto");
}

}  // namespace embed
