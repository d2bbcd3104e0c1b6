// SPDX-License-Identifier: LGPL-2.1-or-later
#include <algorithm>
#include <limits>
#include <new>
#include <utility>

#include "embed/error.h"
#include "files/json_scanner.h"
#include "files/opened_file.h"
#include "files/safetensors_header.h"
#include "files/safetensors_types.h"
#include "files/sha256_stream.h"

namespace embed {

namespace {

struct TypeRow {
  DType dtype;
  const char* name;
  std::size_t size;
};
constexpr std::array<TypeRow, 13> kTypes = {{{DType::Bool, "BOOL", 1},
                                             {DType::U8, "U8", 1},
                                             {DType::I8, "I8", 1},
                                             {DType::I16, "I16", 2},
                                             {DType::U16, "U16", 2},
                                             {DType::F16, "F16", 2},
                                             {DType::BF16, "BF16", 2},
                                             {DType::I32, "I32", 4},
                                             {DType::U32, "U32", 4},
                                             {DType::F32, "F32", 4},
                                             {DType::F64, "F64", 8},
                                             {DType::I64, "I64", 8},
                                             {DType::U64, "U64", 8}}};

constexpr std::size_t kLengthBytes = 8;
/// Read at once where a file is gone through.
constexpr std::size_t kPiece = std::size_t{1} << 20U;

std::uint64_t header_length(const OpenedFile& file) {
  if (file.size() < kLengthBytes) {
    throw Error(ErrorCode::Format,
                "not a safetensors file: " + std::to_string(file.size()) + " bytes, at least 8 expected",
                file.path());
  }
  std::array<std::uint8_t, kLengthBytes> bytes{};
  file.read(0, bytes.data(), bytes.size());
  std::uint64_t length = 0;
  for (std::size_t i = bytes.size(); i > 0; --i) length = length << 8U | bytes[i - 1];
  if (length > kMaxHeaderBytes) {
    throw Error(ErrorCode::Format,
                "not a safetensors file, or a hostile one: header of " + std::to_string(length) +
                    " bytes, at most 100000000 expected",
                file.path(), "header");
  }
  if (length > file.size() - kLengthBytes) {
    throw Error(ErrorCode::Format,
                "truncated: header of " + std::to_string(length) + " bytes in a file of " +
                    std::to_string(file.size()),
                file.path(), "header");
  }
  return length;
}

}  // namespace

std::size_t size_of(DType dtype) noexcept {
  for (const TypeRow& row : kTypes) {
    if (row.dtype == dtype) return row.size;
  }
  return 1;
}

const char* to_string(DType dtype) noexcept {
  for (const TypeRow& row : kTypes) {
    if (row.dtype == dtype) return row.name;
  }
  return "";
}

std::optional<DType> dtype_from_name(std::string_view name) noexcept {
  for (const TypeRow& row : kTypes) {
    if (name == row.name) return row.dtype;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> tensor_bytes(DType dtype, const std::vector<std::int64_t>& shape) noexcept {
  // A zero anywhere makes the product zero whatever the others are, so it is looked for first.
  for (const std::int64_t dim : shape) {
    if (dim < 0) return std::nullopt;
  }
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return 0;
  std::uint64_t bytes = size_of(dtype);
  for (const std::int64_t dim : shape) {
    if (bytes > std::numeric_limits<std::uint64_t>::max() / static_cast<std::uint64_t>(dim))
      return std::nullopt;
    bytes *= static_cast<std::uint64_t>(dim);
  }
  return bytes;
}

struct SafetensorsFile::Impl {
  explicit Impl(const std::string& path) : file(path) {}
  OpenedFile file;
  std::uint64_t data_begin = 0;  ///< Of the tensors, in the file.
  SafetensorsHeader header;
  /// The data, where they were asked for. Nothing is written to it ahead of the file's bytes.
  std::unique_ptr<std::uint8_t[]> data;
};

SafetensorsFile::SafetensorsFile(const std::string& path, Contents contents)
    : impl_(std::make_unique<Impl>(path)) {
  const auto length = static_cast<std::size_t>(header_length(impl_->file));
  impl_->data_begin = kLengthBytes + length;
  const std::uint64_t data_size = impl_->file.size() - impl_->data_begin;
  {
    const std::unique_ptr<char[]> text(new char[length]);
    impl_->file.read(kLengthBytes, text.get(), length);
    impl_->header = parse_safetensors_header({text.get(), length}, data_size, path);
  }
  if (contents == Contents::Header) return;
  impl_->data.reset(new (std::nothrow) std::uint8_t[static_cast<std::size_t>(data_size)]);
  if (impl_->data == nullptr) throw Error(ErrorCode::OutOfMemory, "does not fit into memory", path);
  impl_->file.read(impl_->data_begin, impl_->data.get(), static_cast<std::size_t>(data_size));
  for (auto& [name, view] : impl_->header.tensors) view.data = impl_->data.get() + view.offset;
}

SafetensorsFile::~SafetensorsFile() = default;
SafetensorsFile::SafetensorsFile(SafetensorsFile&&) noexcept = default;
SafetensorsFile& SafetensorsFile::operator=(SafetensorsFile&&) noexcept = default;

const std::string& SafetensorsFile::path() const noexcept {
  return impl_->file.path();
}
const std::map<std::string, std::string>& SafetensorsFile::metadata() const noexcept {
  return impl_->header.metadata;
}
const std::map<std::string, TensorView>& SafetensorsFile::tensors() const noexcept {
  return impl_->header.tensors;
}

const TensorView& SafetensorsFile::tensor(const std::string& name) const {
  const auto found = impl_->header.tensors.find(name);
  if (found == impl_->header.tensors.end())
    throw Error(ErrorCode::Format, "tensor is missing", impl_->file.path(), name);
  return found->second;
}

const TensorView& SafetensorsFile::tensor(const std::string& name, DType dtype,
                                          const std::vector<std::int64_t>& shape) const {
  const TensorView& view = tensor(name);
  if (view.dtype != dtype) {
    throw Error(ErrorCode::Format,
                std::string("dtype ") + to_string(view.dtype) + ", " + to_string(dtype) + " expected",
                impl_->file.path(), name);
  }
  const auto text = [](const std::vector<std::int64_t>& dims) {
    std::string out = "[";
    for (const std::int64_t dim : dims) {
      out += (out.size() > 1 ? ", " : "") + (dim < 0 ? std::string("any") : std::to_string(dim));
    }
    return out + "]";
  };
  const bool fits =
      view.shape.size() == shape.size() &&
      std::equal(shape.begin(), shape.end(), view.shape.begin(),
                 [](std::int64_t wanted, std::int64_t got) { return wanted < 0 || wanted == got; });
  if (!fits) {
    throw Error(ErrorCode::Format, "shape " + text(view.shape) + ", " + text(shape) + " expected",
                impl_->file.path(), name);
  }
  return view;
}

const std::string& SafetensorsFile::metadata_at(const std::string& key) const {
  const auto found = impl_->header.metadata.find(key);
  if (found == impl_->header.metadata.end()) {
    throw Error(ErrorCode::Format, "missing from the file's metadata", impl_->file.path(), key);
  }
  return found->second;
}

void SafetensorsFile::require_kind(std::string_view kind, int newest_version) const {
  const auto found = impl_->header.metadata.find("kind");
  if (found == impl_->header.metadata.end() || found->second != kind) {
    throw Error(ErrorCode::Format,
                (found == impl_->header.metadata.end() ? std::string("no kind") : "'" + found->second + "'") +
                    ", '" + std::string(kind) + "' expected",
                impl_->file.path(), "kind");
  }
  const std::string& version = metadata_at("version");
  const bool digits =
      !version.empty() && version.size() < 6 &&
      std::all_of(version.begin(), version.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!digits || std::stoi(version) < 1 || std::stoi(version) > newest_version) {
    throw Error(ErrorCode::Format, "'" + version + "', 1 to " + std::to_string(newest_version) + " expected",
                impl_->file.path(), "version");
  }
}

void SafetensorsFile::read(const TensorView& tensor, std::uint64_t begin, void* out, std::size_t size) const {
  if (begin > tensor.bytes || size > tensor.bytes - begin)
    throw Error(ErrorCode::InvalidArgument, "a tensor has no bytes there", path());
  impl_->file.read(impl_->data_begin + tensor.offset + begin, out, size);
}

const std::string& SafetensorsFile::short_metadata_at(const std::string& key) const {
  constexpr std::size_t kLongest = 1'000'000;
  const std::string& text = metadata_at(key);
  if (text.size() > kLongest) {
    throw Error(ErrorCode::Format,
                std::to_string(text.size()) + " bytes, at most " + std::to_string(kLongest) + " expected",
                path(), key);
  }
  return text;
}

std::vector<std::string> SafetensorsFile::strings_at(const std::string& key, std::size_t most) const {
  const std::string& text = metadata_at(key);
  std::vector<std::string> strings;
  bool all_strings = true, too_many = false;
  try {
    JsonScanner json(text);
    json.array([&] {
      all_strings = all_strings && json.peek() == '"';
      too_many = too_many || strings.size() == most;
      if (all_strings && !too_many) {
        strings.push_back(json.string());
      } else {
        json.skip();
      }
    });
    json.finish();
  } catch (const Error&) {
    all_strings = false;
  }
  if (!all_strings) throw Error(ErrorCode::Format, "a JSON array of strings expected", path(), key);
  if (too_many) {
    throw Error(ErrorCode::Format, "at most " + std::to_string(most) + " entries expected", path(), key);
  }
  return strings;
}

void SafetensorsFile::drop_metadata(const std::string& key) {
  impl_->header.metadata.erase(key);
}

std::string SafetensorsFile::sha256() const {
  Sha256 digest;
  std::vector<std::uint8_t> piece(std::min<std::uint64_t>(kPiece, impl_->file.size()));
  for (std::uint64_t at = 0; at < impl_->file.size(); at += piece.size()) {
    const auto size =
        static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), impl_->file.size() - at));
    impl_->file.read(at, piece.data(), size);
    digest.add(piece.data(), size);
  }
  return digest.hex();
}

std::string SafetensorsFile::sha256(const TensorView& tensor) const {
  if (tensor.data != nullptr) return sha256_hex(tensor.data, tensor.bytes);
  Sha256 digest;
  std::vector<std::uint8_t> piece(std::min(kPiece, tensor.bytes));
  for (std::size_t at = 0; at < tensor.bytes; at += piece.size()) {
    const std::size_t size = std::min(piece.size(), tensor.bytes - at);
    read(tensor, at, piece.data(), size);
    digest.add(piece.data(), size);
  }
  return digest.hex();
}

}  // namespace embed
