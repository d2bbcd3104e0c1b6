// SPDX-License-Identifier: LGPL-2.1-or-later
#include "files/safetensors_header.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "embed/error.h"
#include "files/json_scanner.h"
#include "files/safetensors_types.h"

namespace embed {

namespace {

constexpr std::size_t kDeepest = 8;
constexpr std::size_t kMostDimensions = 16;
constexpr std::uint64_t kLargestDimension = std::uint64_t{1} << 48U;

/// Reads what is JSON already.
class HeaderReader {
 public:
  HeaderReader(std::string_view text, std::uint64_t data_size, const std::string& path)
      : json_(text), data_size_(data_size), path_(path) {}

  SafetensorsHeader read() {
    if (json_.peek() != '{') fail("a JSON object expected", "header");
    bool has_metadata = false;
    json_.object([&](const std::string& name) {
      if (name != "__metadata__") return read_tensor(name);
      if (std::exchange(has_metadata, true)) fail("duplicate key '__metadata__'", "header");
      read_metadata();
    });
    check_extents();
    return std::move(header_);
  }

 private:
  using Range = std::array<std::uint64_t, 2>;

  [[noreturn]] void fail(const std::string& message, const std::string& field) const {
    throw Error(ErrorCode::Format, message, path_, field);
  }

  void read_metadata() {
    if (json_.peek() != '{') fail("a JSON object expected", "__metadata__");
    json_.object([&](const std::string& key) {
      if (json_.peek() != '"') fail("a string expected", "__metadata__." + key);
      if (header_.metadata.size() == kMostMetadata)
        fail("more than " + std::to_string(kMostMetadata) + " entries", "__metadata__");
      if (!header_.metadata.emplace(key, json_.string()).second)
        fail("duplicate key '" + key + "'", "__metadata__");
    });
  }

  void read_tensor(const std::string& name) {
    if (header_.tensors.size() == kMostTensors)
      fail("more than " + std::to_string(kMostTensors) + " tensors", "header");
    const auto [place, is_new] = header_.tensors.try_emplace(name);
    if (!is_new) fail("duplicate key '" + name + "'", "header");
    if (json_.peek() != '{') fail("a JSON object expected", name);
    constexpr std::array<std::string_view, 3> kKeys = {"dtype", "shape", "data_offsets"};
    std::array<bool, 3> seen{};
    Range range{};
    TensorView& view = place->second;
    json_.object([&](const std::string& key) {
      const auto at = static_cast<std::size_t>(std::find(kKeys.begin(), kKeys.end(), key) - kKeys.begin());
      if (at == kKeys.size()) fail("unexpected key '" + key + "'", name);
      if (std::exchange(seen[at], true)) fail("duplicate key '" + key + "'", name);
      if (at == 0) {
        view.dtype = read_dtype(name);
      } else if (at == 1) {
        view.shape = read_shape(name);
      } else {
        range = read_offsets(name);
      }
    });
    if (seen != std::array<bool, 3>{true, true, true}) fail("dtype, shape and data_offsets expected", name);
    place_tensor(name, range, view);
  }

  DType read_dtype(const std::string& name) {
    if (json_.peek() != '"') fail("dtype: a string expected", name);
    const std::string text = json_.string();
    const auto dtype = dtype_from_name(text);
    if (!dtype) fail("dtype '" + text + "' is unknown", name);
    return *dtype;
  }

  bool is_number() noexcept {
    const char c = json_.peek();
    return c == '-' || (c >= '0' && c <= '9');
  }

  std::vector<std::int64_t> read_shape(const std::string& name) {
    const std::string whole = "shape: an array of at most 16 sizes expected";
    if (json_.peek() != '[') fail(whole, name);
    std::array<std::int64_t, kMostDimensions> sizes{};
    std::size_t count = 0;
    json_.array([&] {
      const auto size = is_number() ? json_.number() : std::nullopt;
      if (count == kMostDimensions) fail(whole, name);
      if (!size || *size > kLargestDimension) fail("shape: sizes from 0 to 2^48 expected", name);
      sizes[count++] = static_cast<std::int64_t>(*size);
    });
    return {sizes.begin(), sizes.begin() + static_cast<std::ptrdiff_t>(count)};
  }

  Range read_offsets(const std::string& name) {
    const std::string expected = "data_offsets: two non-negative integers expected";
    if (json_.peek() != '[') fail(expected, name);
    Range range{};
    std::size_t count = 0;
    json_.array([&] {
      const auto offset = is_number() ? json_.number() : std::nullopt;
      if (!offset || count == range.size()) fail(expected, name);
      range[count++] = *offset;
    });
    if (count != range.size()) fail(expected, name);
    return range;
  }

  void place_tensor(const std::string& name, const Range& range, TensorView& view) const {
    const auto [begin, end] = range;
    const auto bytes = tensor_bytes(view.dtype, view.shape);
    if (!bytes) fail("shape: the product of the sizes overflows", name);
    if (begin > end || end > data_size_) {
      fail("data_offsets [" + std::to_string(begin) + ", " + std::to_string(end) + "] are outside the " +
               std::to_string(data_size_) + " data bytes of the file (truncated?)",
           name);
    }
    if (end - begin != *bytes) {
      fail("data_offsets span " + std::to_string(end - begin) + " bytes, but dtype and shape make " +
               std::to_string(*bytes),
           name);
    }
    if (begin % size_of(view.dtype) != 0) fail("data_offsets: not aligned to the element size", name);
    view.offset = begin;
    view.bytes = static_cast<std::size_t>(*bytes);
  }

  /// Every byte of the data is one tensor's.
  void check_extents() const {
    std::vector<const std::pair<const std::string, TensorView>*> order;
    order.reserve(header_.tensors.size());
    for (const auto& item : header_.tensors) order.push_back(&item);
    std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
      return a->second.offset != b->second.offset ? a->second.offset < b->second.offset
                                                  : a->second.bytes < b->second.bytes;
    });
    std::uint64_t expected = 0;
    for (const auto* item : order) {
      const auto& [name, view] = *item;
      if (view.offset != expected) {
        fail(view.offset < expected ? "data_offsets: overlaps another tensor"
                                    : "data_offsets: bytes before it belong to no tensor",
             name);
      }
      expected += view.bytes;
    }
    if (expected == data_size_) return;
    throw Error(ErrorCode::Format,
                std::to_string(data_size_ - expected) + " bytes left over after the last tensor", path_);
  }

  JsonScanner json_;
  std::uint64_t data_size_;
  const std::string& path_;
  SafetensorsHeader header_;
};

/// The whole text before anything of it is believed. Deep nesting has no use in this format.
void check_json(std::string_view text, const std::string& path) {
  try {
    JsonScanner json(text);
    const std::size_t depth = json.skip();
    json.finish();
    if (depth > kDeepest) throw Error(ErrorCode::Format, "nested too deeply");
  } catch (const Error& error) {
    throw Error(ErrorCode::Format, error.what(), path, "header");
  }
}

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view text, std::uint64_t data_size,
                                           const std::string& path) {
  check_json(text, path);
  return HeaderReader(text, data_size, path).read();
}

}  // namespace embed
