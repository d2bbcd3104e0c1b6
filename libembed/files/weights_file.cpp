// SPDX-License-Identifier: LGPL-2.1-or-later
#include "files/weights_file.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <map>

#include "embed/error.h"

namespace embed {

namespace {

/// Numbers that are converted or looked at together, so that compilers take several at a time.
constexpr std::size_t kAtOnce = 4096;

std::uint32_t widened_bf16(std::uint16_t half) noexcept {
  return static_cast<std::uint32_t>(half) << 16;
}

/// The bits of the float32 with the value of those of a float16 (IEEE 754 binary16).
std::uint32_t widened_f16(std::uint16_t half) noexcept {
  // With its exponent in the place of a float32's, a finite number is 2^112 times too small, without a
  // leading one too.
  const std::uint32_t magnitude = static_cast<std::uint32_t>(half & 0x7FFFU) << 13;
  float value;
  std::memcpy(&value, &magnitude, sizeof value);
  value *= 0x1p112F;
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  if ((half & 0x7C00U) == 0x7C00U) bits |= 0x7F800000U;  // Infinite, or not a number.
  return bits | static_cast<std::uint32_t>(half & 0x8000U) << 16;
}

template <class Widened>
void widen(const TensorView& view, float* out, Widened widened) noexcept {
  std::array<std::uint16_t, kAtOnce> halves{};
  std::array<std::uint32_t, kAtOnce> bits{};
  const std::size_t total = view.bytes / sizeof(std::uint16_t);
  for (std::size_t start = 0; start < total; start += kAtOnce) {
    const std::size_t count = std::min(kAtOnce, total - start);
    std::memcpy(halves.data(), view.data + 2 * start, 2 * count);
    for (std::size_t i = 0; i < count; ++i) bits[i] = widened(halves[i]);
    std::memcpy(out + start, bits.data(), 4 * count);
  }
}

bool is_variance(const std::string& name) {
  constexpr const char* kEnd = ".running_var";
  const std::size_t length = std::strlen(kEnd);
  return name.size() > length && name.compare(name.size() - length, length, kEnd) == 0;
}

void check(const SafetensorsFile& file, const ModelInfo& info) {
  const auto shapes = network_tensors(info.input.channels);
  for (const auto& [name, shape] : shapes) {
    const DType dtype = file.tensor(name).dtype;
    if (dtype != DType::F32 && dtype != DType::F16 && dtype != DType::BF16) {
      throw Error(ErrorCode::Format, std::string("dtype ") + to_string(dtype) + ", F32, F16 or BF16 expected",
                  file.path(), name);
    }
    file.tensor(name, dtype, shape);
  }
  for (const auto& [name, view] : file.tensors()) {
    if (shapes.count(name) == 0) {
      throw Error(ErrorCode::Format, "tensor does not belong to " + info.arch, file.path(), name);
    }
  }
}

}  // namespace

bool all_finite(const void* values, std::size_t count) noexcept {
  constexpr std::uint32_t kExponent = 0x7F800000U;  // All its bits: infinite, or not a number.
  const auto* bytes = static_cast<const std::uint8_t*>(values);
  std::array<std::uint32_t, kAtOnce> bits{};
  for (std::size_t start = 0; start < count; start += kAtOnce) {
    const std::size_t some = std::min(kAtOnce, count - start);
    std::memcpy(bits.data(), bytes + 4 * start, 4 * some);
    std::uint32_t found = 0;
    for (std::size_t i = 0; i < some; ++i)
      found |= static_cast<std::uint32_t>((bits[i] & kExponent) == kExponent);
    if (found != 0) return false;
  }
  return true;
}

WeightsFile::WeightsFile(const std::string& path) : file_(path) {
  file_.require_kind(kWeightsKind, kWeightsVersion);
  info_ = model_info_from_metadata(file_.metadata(), path);
  check(file_, info_);
}

void WeightsFile::read(const std::string& name, float* out) const {
  const TensorView& view = file_.tensor(name);
  const std::size_t count = view.bytes / size_of(view.dtype);
  if (count == 0) return;
  if (view.dtype == DType::F32) {
    std::memcpy(out, view.data, view.bytes);
  } else if (view.dtype == DType::F16) {
    widen(view, out, widened_f16);
  } else {
    widen(view, out, widened_bf16);
  }
  if (!all_finite(out, count)) {
    throw Error(ErrorCode::Format, "has values that are not finite", file_.path(), name);
  }
  if (is_variance(name) && *std::min_element(out, out + count) < 0) {
    throw Error(ErrorCode::Format, "a variance is negative", file_.path(), name);
  }
}

std::vector<float> WeightsFile::values(const std::string& name) const {
  const TensorView& view = file_.tensor(name);
  std::vector<float> result(view.bytes / size_of(view.dtype));
  read(name, result.data());
  return result;
}

}  // namespace embed
