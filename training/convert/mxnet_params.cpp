// SPDX-License-Identifier: LGPL-2.1-or-later
#include "convert/mxnet_params.h"

#include <optional>

#include "base/read_file.h"
#include "embed/error.h"

namespace training {

namespace {

using embed::DType;
using embed::Error;
using embed::ErrorCode;

constexpr std::uint64_t kListMagic = 0x112;
constexpr std::uint32_t kVersion1 = 0xF993FAC8, kVersion2 = 0xF993FAC9, kVersion3 = 0xF993FACA;
constexpr std::uint32_t kMostDimensions = 32;
constexpr std::uint64_t kLongestName = 4096;
constexpr std::uint64_t kMostArrays = 65536;
/// More than any ResNet has: a file is read whole.
constexpr std::uint64_t kLargestFile = std::uint64_t{1} << 30U;

/// mshadow's type_flag.
std::optional<DType> element_type(std::int32_t flag) {
  switch (flag) {
    case 0:
      return DType::F32;
    case 1:
      return DType::F64;
    case 2:
      return DType::F16;
    case 3:
      return DType::U8;
    case 4:
      return DType::I32;
    case 5:
      return DType::I8;
    case 6:
      return DType::I64;
    case 7:
      return DType::Bool;
    case 12:
      return DType::BF16;
    default:
      return std::nullopt;
  }
}

/// Takes numbers and bytes off the front, never more than there are.
class Reader {
 public:
  Reader(const std::string& path, const std::vector<std::uint8_t>& bytes) : path_(path), bytes_(bytes) {}

  /// What the errors name from now on.
  void enter(const std::string& field) { field_ = field; }
  std::uint64_t left() const { return bytes_.size() - at_; }

  [[noreturn]] void fail(const std::string& message) const {
    throw Error(ErrorCode::Format, message, path_, field_);
  }

  const std::uint8_t* take(std::uint64_t count, const char* what) {
    if (count > left()) {
      fail(std::string("the file ends inside its ") + what + ": " + std::to_string(count) +
           " bytes expected, " + std::to_string(left()) + " are left");
    }
    const std::uint8_t* start = bytes_.data() + at_;
    at_ += static_cast<std::size_t>(count);
    return start;
  }

  std::uint64_t number(std::size_t size, const char* what) {
    const std::uint8_t* start = take(size, what);
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < size; ++i) value |= std::uint64_t{start[i]} << 8 * i;
    return value;
  }
  std::uint32_t u32(const char* what) { return static_cast<std::uint32_t>(number(4, what)); }
  std::int32_t i32(const char* what) { return static_cast<std::int32_t>(u32(what)); }

  /// How many things of at least `smallest` bytes follow.
  std::uint64_t count(std::uint64_t smallest, const char* what) {
    const std::uint64_t value = number(8, what);
    if (value > left() / smallest)
      fail(std::to_string(value) + " " + what + " do not fit into the " + std::to_string(left()) +
           " bytes that are left");
    return value;
  }

 private:
  const std::string& path_;
  const std::vector<std::uint8_t>& bytes_;
  std::size_t at_ = 0;
  std::string field_;
};

/// The sides, or nothing for an array that is empty and ends here.
std::optional<std::vector<std::int64_t>> read_shape(Reader& reader) {
  const std::uint32_t magic = reader.u32("array's magic number");
  const bool versioned = magic == kVersion1 || magic == kVersion2 || magic == kVersion3;
  if (magic == kVersion2 || magic == kVersion3) {
    const std::int32_t storage = reader.i32("storage type");
    if (storage != 0)
      reader.fail("storage type " + std::to_string(storage) +
                  ", 0 (dense) expected: sparse arrays are not read");
  }
  const std::uint32_t dimensions = versioned ? reader.u32("number of dimensions") : magic;
  const bool none = magic == kVersion3 ? dimensions == 0xFFFFFFFFU : dimensions == 0;
  if (none) return std::nullopt;
  if (dimensions > kMostDimensions) {
    reader.fail("neither an array's magic number nor a number of dimensions up to " +
                std::to_string(kMostDimensions) + ": " + std::to_string(dimensions));
  }
  std::vector<std::int64_t> shape;
  for (std::uint32_t i = 0; i < dimensions; ++i) {
    const auto side = static_cast<std::int64_t>(reader.number(versioned ? 8 : 4, "shape"));
    if (side < 0) reader.fail("a side of " + std::to_string(side));
    shape.push_back(side);
  }
  return shape;
}

/// The view's data is null for an empty array.
embed::TensorView read_array(Reader& reader) {
  embed::TensorView view;
  const auto shape = read_shape(reader);
  if (!shape) return view;
  view.shape = *shape;
  reader.take(8, "device");
  const std::int32_t flag = reader.i32("element type");
  const std::optional<DType> type = element_type(flag);
  if (!type) reader.fail("element type " + std::to_string(flag) + " is not known");
  view.dtype = *type;
  std::uint64_t bytes = embed::size_of(*type);
  for (const std::int64_t side : view.shape) {
    const auto factor = static_cast<std::uint64_t>(side);
    // Checked at each side, so that the product cannot overflow; a later side of 0 does not make it good.
    if (factor != 0 && bytes > reader.left() / factor)
      reader.fail("its elements do not fit into the " + std::to_string(reader.left()) +
                  " bytes that are left");
    bytes *= factor;
  }
  view.data = reader.take(bytes, "elements");
  view.bytes = static_cast<std::size_t>(bytes);
  return view;
}

}  // namespace

bool MxnetParams::is_one(const std::uint8_t* bytes, std::size_t size) noexcept {
  if (size < 8) return false;
  std::uint64_t magic = 0;
  for (std::size_t i = 0; i < 8; ++i) magic |= std::uint64_t{bytes[i]} << 8 * i;
  return magic == kListMagic;
}

MxnetParams::MxnetParams(const std::string& path) : path_(path), bytes_(read_file(path, kLargestFile)) {
  Reader reader(path_, bytes_);
  if (reader.number(8, "magic number") != kListMagic)
    reader.fail("does not begin with 0x112, as MXNet's parameter files do");
  reader.number(8, "reserved word");
  std::vector<embed::TensorView> arrays;
  const std::uint64_t count = reader.count(4, "arrays");
  if (count > kMostArrays)
    reader.fail(std::to_string(count) + " arrays, at most " + std::to_string(kMostArrays) + " expected");
  for (std::uint64_t i = 0; i < count; ++i) {
    reader.enter("array " + std::to_string(i));
    arrays.push_back(read_array(reader));
  }
  reader.enter("names");
  const std::uint64_t names = reader.count(8, "names");
  if (names != arrays.size())
    reader.fail(std::to_string(names) + " names for " + std::to_string(arrays.size()) + " arrays");
  for (const embed::TensorView& array : arrays) {
    const std::uint64_t length = reader.number(8, "names");
    if (length > kLongestName) reader.fail("a name of " + std::to_string(length) + " bytes");
    const auto* text = reinterpret_cast<const char*>(reader.take(length, "names"));
    const std::string name(text, static_cast<std::size_t>(length));
    if (array.data == nullptr) continue;
    if (!tensors_.emplace(name, array).second) reader.fail("'" + name + "' is there twice");
  }
  if (reader.left() != 0) reader.fail(std::to_string(reader.left()) + " bytes are left over behind them");
}

}  // namespace training
