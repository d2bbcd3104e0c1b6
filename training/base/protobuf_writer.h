// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

namespace training {

/// One protocol buffer message, field by field: what TensorBoard's events and ONNX models are made of. Only
/// writes; a message within a message is bytes.
class ProtobufWriter {
 public:
  ProtobufWriter& integer(unsigned field, std::uint64_t value) {
    key(field, 0);
    varint(value);
    return *this;
  }
  ProtobufWriter& real64(unsigned field, double value) {
    key(field, 1);
    return little_endian<std::uint64_t>(value);
  }
  ProtobufWriter& real32(unsigned field, float value) {
    key(field, 5);
    return little_endian<std::uint32_t>(value);
  }
  ProtobufWriter& bytes(unsigned field, const std::string& value) {
    key(field, 2);
    varint(value.size());
    out_ += value;
    return *this;
  }
  ProtobufWriter& message(unsigned field, const ProtobufWriter& value) { return bytes(field, value.out_); }

  const std::string& text() const noexcept { return out_; }
  bool empty() const noexcept { return out_.empty(); }

 private:
  void key(unsigned field, unsigned wire_type) { varint(field << 3U | wire_type); }
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7U) out_.push_back(static_cast<char>((value & 0x7FU) | 0x80U));
    out_.push_back(static_cast<char>(value));
  }
  template <typename Bits, typename T>
  ProtobufWriter& little_endian(T value) {
    static_assert(sizeof(Bits) == sizeof(T), "the value's own bits");
    Bits bits = 0;
    std::memcpy(&bits, &value, sizeof(bits));
    for (std::size_t i = 0; i < sizeof(Bits); ++i) out_.push_back(static_cast<char>(bits >> 8U * i & 0xFFU));
    return *this;
  }

  std::string out_;
};

}  // namespace training
