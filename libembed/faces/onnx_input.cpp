// SPDX-License-Identifier: LGPL-2.1-or-later
#include "faces/onnx_input.h"

#include <functional>
#include <set>
#include <string>

namespace embed::faces {

namespace {

/// A protocol buffer message, field by field.
class Message {
 public:
  Message(const std::uint8_t* data, std::size_t size) : at_(data), end_(data + size) {}

  /// Moves to the next field; false at the end, and where the bytes are no message.
  bool next() {
    std::uint64_t key = 0;
    if (at_ == end_ || !varint(key)) return false;
    field_ = key >> 3U;
    content_ = at_;
    size_ = 0;
    switch (key & 7U) {
      case 0:
        return varint(value_);
      case 1:
        return skip(8);
      case 2: {
        std::uint64_t length = 0;
        if (!varint(length)) return false;
        content_ = at_;
        size_ = static_cast<std::size_t>(length);
        return skip(length);
      }
      case 5:
        return skip(4);
      default:
        return false;
    }
  }
  std::uint64_t field() const { return field_; }
  std::uint64_t value() const { return value_; }
  /// Of a field that is a message or a text.
  Message message() const { return {content_, size_}; }
  std::string text() const { return {reinterpret_cast<const char*>(content_), size_}; }

 private:
  bool varint(std::uint64_t& value) {
    value = 0;
    for (unsigned shift = 0; shift < 64 && at_ != end_; shift += 7) {
      const std::uint8_t byte = *at_++;
      value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }
  bool skip(std::uint64_t bytes) {
    if (bytes > static_cast<std::uint64_t>(end_ - at_)) return false;
    at_ += bytes;
    return true;
  }

  const std::uint8_t *at_, *end_, *content_ = nullptr;
  std::uint64_t field_ = 0, value_ = 0;
  std::size_t size_ = 0;
};

void each(Message message, std::uint64_t field, const std::function<void(const Message&)>& use) {
  while (message.next()) {
    if (message.field() == field) use(message);
  }
}

/// The field numbers are those of onnx.proto.
std::string name_of(const Message& holder, std::uint64_t field) {
  std::string name;
  each(holder.message(), field, [&](const Message& item) { name = item.text(); });
  return name;
}

std::vector<std::int64_t> shape_of(const Message& value_info) {
  std::vector<std::int64_t> shape;
  each(value_info.message(), 2, [&](const Message& type) {
    each(type.message(), 1, [&](const Message& tensor) {
      each(tensor.message(), 2, [&](const Message& dimensions) {
        each(dimensions.message(), 1, [&](const Message& dimension) {
          shape.push_back(-1);
          each(dimension.message(), 1,
               [&](const Message& value) { shape.back() = static_cast<std::int64_t>(value.value()); });
        });
      });
    });
  });
  return shape;
}

}  // namespace

std::vector<std::int64_t> declared_input(const std::uint8_t* model, std::size_t size) {
  std::vector<std::int64_t> shape;
  each(Message(model, size), 7, [&](const Message& graph) {
    // Older models list their constants among the inputs.
    std::set<std::string> constants;
    each(graph.message(), 5, [&](const Message& constant) { constants.insert(name_of(constant, 8)); });
    each(graph.message(), 11, [&](const Message& input) {
      if (shape.empty() && constants.count(name_of(input, 1)) == 0) shape = shape_of(input);
    });
  });
  return shape;
}

}  // namespace embed::faces
