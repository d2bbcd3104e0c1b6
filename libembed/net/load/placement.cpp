// SPDX-License-Identifier: LGPL-2.1-or-later
#include "net/load/placement.h"

#include <algorithm>
#include <cstddef>

#include "embed/error.h"
#include "net/cpu/native_bf16.h"
#include "net/load/torch_nets.h"

namespace embed {

namespace {

std::string cuda_device(const std::string& text) {
  std::size_t index = 0;
  if (text.size() > 4) {
    const std::string digits = text.substr(5);
    const bool valid = text[4] == ':' && !digits.empty() && digits.size() <= 3 &&
                       std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!valid) throw Error(ErrorCode::InvalidArgument, "device '" + text + "': cuda or cuda:N expected");
    index = static_cast<std::size_t>(std::stoi(digits));
  }
  if (index >= cuda_devices()) {
    throw Error(ErrorCode::Device, "device '" + text + "' is not usable: " + missing_cuda_device());
  }
  return "cuda:" + std::to_string(index);
}

}  // namespace

std::string resolve_device(const std::string& text) {
  if (text == "cpu") return text;
  if (text == "auto") return cuda_devices() > 0 ? "cuda:0" : "cpu";
  if (text.compare(0, 4, "cuda") == 0) return cuda_device(text);
  throw Error(ErrorCode::InvalidArgument,
              "device '" + text + "' is unknown; one of: auto, cpu, cuda, cuda:N");
}

std::string resolve_precision(const std::string& text, const std::string& device) {
  if (text == "auto") return device != "cpu" || cpu::prefers_bf16() ? "bf16" : "fp32";
  for (const char* known : {"fp32", "bf16", "fp16", "int8"}) {
    if (text == known) return text;
  }
  throw Error(ErrorCode::InvalidArgument,
              "precision '" + text + "' is unknown; one of: auto, fp32, bf16, fp16, int8");
}

}  // namespace embed
