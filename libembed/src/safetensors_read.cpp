// SPDX-License-Identifier: LGPL-2.1-or-later
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "embed/error.h"
#include "safetensors_types.h"

namespace embed {

namespace {

using Json = nlohmann::json;

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

/// A read-only mapping of a whole file.
class MappedFile {
 public:
  explicit MappedFile(const std::string& path) {
    // Opening a named pipe would wait for a writer; it is refused below instead.
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
      const int reason = errno;
      throw Error(reason == ENOENT ? ErrorCode::NotFound : ErrorCode::Io,
                  std::string("cannot open: ") + std::strerror(reason), path);
    }
    struct stat status {};
    if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
      ::close(fd);
      throw Error(ErrorCode::Io, "not a regular file", path);
    }
    size_ = static_cast<std::size_t>(status.st_size);
    if (size_ > 0) data_ = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0);
    const int reason = errno;
    ::close(fd);
    if (data_ == MAP_FAILED)
      throw Error(ErrorCode::Io, std::string("cannot map: ") + std::strerror(reason), path);
  }
  ~MappedFile() {
    if (data_ != nullptr) ::munmap(data_, size_);
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::uint8_t* data() const noexcept { return static_cast<const std::uint8_t*>(data_); }
  std::size_t size() const noexcept { return size_; }

 private:
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

std::uint64_t header_length(const MappedFile& file, const std::string& path) {
  if (file.size() < 8) {
    throw Error(ErrorCode::Format,
                "not a safetensors file: " + std::to_string(file.size()) + " bytes, at least 8 expected",
                path);
  }
  std::uint64_t length = 0;
  for (int i = 7; i >= 0; --i) length = length << 8 | file.data()[i];
  if (length > kMaxHeaderBytes) {
    throw Error(ErrorCode::Format,
                "not a safetensors file, or a hostile one: header of " + std::to_string(length) +
                    " bytes, at most 100000000 expected",
                path, "header");
  }
  if (length > file.size() - 8) {
    throw Error(ErrorCode::Format,
                "truncated: header of " + std::to_string(length) + " bytes in a file of " +
                    std::to_string(file.size()),
                path, "header");
  }
  return length;
}

/// Parses JSON and refuses duplicate keys in any object, which the parser alone would silently merge, and
/// deep nesting, which the format has no use for.
Json parse_header(const std::uint8_t* begin, std::size_t size, const std::string& path) {
  std::vector<std::set<std::string>> seen;
  std::string problem;
  const auto check = [&](int depth, Json::parse_event_t event, Json& value) {
    if (depth > 8 && problem.empty()) problem = "nested too deeply";
    if (event == Json::parse_event_t::object_start) seen.emplace_back();
    if (event == Json::parse_event_t::object_end && !seen.empty()) seen.pop_back();
    if (event == Json::parse_event_t::key && !seen.empty() &&
        !seen.back().insert(value.get<std::string>()).second && problem.empty()) {
      problem = "duplicate key '" + value.get<std::string>() + "'";
    }
    // Values are dropped once something is wrong, so that a hostile header cannot build a huge tree.
    return problem.empty();
  };
  // The parser takes a zero byte for the end of its input, whatever follows.
  if (std::find(begin, begin + size, std::uint8_t{0}) != begin + size) {
    throw Error(ErrorCode::Format, "not valid JSON: a zero byte", path, "header");
  }
  Json header;
  try {
    header = Json::parse(begin, begin + size, check);
  } catch (const Json::exception& error) {
    throw Error(ErrorCode::Format, std::string("not valid JSON: ") + error.what(), path, "header");
  }
  if (!problem.empty()) throw Error(ErrorCode::Format, problem, path, "header");
  if (!header.is_object()) throw Error(ErrorCode::Format, "a JSON object expected", path, "header");
  return header;
}

std::map<std::string, std::string> parse_metadata(const Json& value, const std::string& path) {
  if (!value.is_object()) throw Error(ErrorCode::Format, "a JSON object expected", path, "__metadata__");
  std::map<std::string, std::string> metadata;
  for (const auto& [key, text] : value.items()) {
    if (!text.is_string()) throw Error(ErrorCode::Format, "a string expected", path, "__metadata__." + key);
    metadata[key] = text.get<std::string>();
  }
  return metadata;
}

struct Extent {
  std::uint64_t begin, end;
  std::string name;
};

Extent parse_tensor(const std::string& name, const Json& entry, std::uint64_t data_size,
                    const std::string& path, TensorView& view) {
  const auto fail = [&](const std::string& what) -> Error {
    return Error(ErrorCode::Format, what, path, name);
  };
  if (!entry.is_object()) throw fail("a JSON object expected");
  for (const auto& [key, ignored] : entry.items()) {
    if (key != "dtype" && key != "shape" && key != "data_offsets") throw fail("unexpected key '" + key + "'");
  }
  if (entry.size() != 3) throw fail("dtype, shape and data_offsets expected");
  if (!entry["dtype"].is_string()) throw fail("dtype: a string expected");
  const auto dtype = dtype_from_name(entry["dtype"].get<std::string>());
  if (!dtype) throw fail("dtype '" + entry["dtype"].get<std::string>() + "' is unknown");

  const Json& shape = entry["shape"];
  if (!shape.is_array() || shape.size() > 16) throw fail("shape: an array of at most 16 sizes expected");
  for (const Json& dim : shape) {
    if (!dim.is_number_unsigned() || dim.get<std::uint64_t>() > std::uint64_t{1} << 48) {
      throw fail("shape: sizes from 0 to 2^48 expected");
    }
    view.shape.push_back(dim.get<std::int64_t>());
  }
  const auto bytes = tensor_bytes(*dtype, view.shape);
  if (!bytes) throw fail("shape: the product of the sizes overflows");

  const Json& offsets = entry["data_offsets"];
  if (!offsets.is_array() || offsets.size() != 2 || !offsets[0].is_number_unsigned() ||
      !offsets[1].is_number_unsigned()) {
    throw fail("data_offsets: two non-negative integers expected");
  }
  const auto begin = offsets[0].get<std::uint64_t>();
  const auto end = offsets[1].get<std::uint64_t>();
  if (begin > end || end > data_size) {
    throw fail("data_offsets [" + std::to_string(begin) + ", " + std::to_string(end) + "] are outside the " +
               std::to_string(data_size) + " data bytes of the file (truncated?)");
  }
  if (end - begin != *bytes) {
    throw fail("data_offsets span " + std::to_string(end - begin) + " bytes, but dtype and shape make " +
               std::to_string(*bytes));
  }
  if (begin % size_of(*dtype) != 0) throw fail("data_offsets: not aligned to the element size");
  view.dtype = *dtype;
  view.bytes = static_cast<std::size_t>(*bytes);
  return {begin, end, name};
}

void check_extents(std::vector<Extent> extents, std::uint64_t data_size, const std::string& path) {
  std::sort(extents.begin(), extents.end(), [](const Extent& a, const Extent& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
  });
  std::uint64_t expected = 0;
  for (const Extent& extent : extents) {
    if (extent.begin != expected) {
      throw Error(ErrorCode::Format,
                  extent.begin < expected ? "data_offsets: overlaps another tensor"
                                          : "data_offsets: bytes before it belong to no tensor",
                  path, extent.name);
    }
    expected = extent.end;
  }
  if (expected != data_size) {
    throw Error(ErrorCode::Format,
                std::to_string(data_size - expected) + " bytes left over after the last tensor", path);
  }
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
  explicit Impl(const std::string& name) : path(name), file(name) {}
  std::string path;
  MappedFile file;
  std::map<std::string, std::string> metadata;
  std::map<std::string, TensorView> tensors;
};

SafetensorsFile::SafetensorsFile(const std::string& path) : impl_(std::make_unique<Impl>(path)) {
  const std::uint64_t length = header_length(impl_->file, path);
  const std::uint8_t* const start = impl_->file.data() + 8;
  const Json header = parse_header(start, static_cast<std::size_t>(length), path);
  const std::uint64_t data_size = impl_->file.size() - 8 - length;
  std::vector<Extent> extents;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") {
      impl_->metadata = parse_metadata(entry, path);
      continue;
    }
    TensorView view;
    extents.push_back(parse_tensor(name, entry, data_size, path, view));
    view.data = start + length + extents.back().begin;
    impl_->tensors.emplace(name, std::move(view));
  }
  check_extents(std::move(extents), data_size, path);
}

SafetensorsFile::~SafetensorsFile() = default;
SafetensorsFile::SafetensorsFile(SafetensorsFile&&) noexcept = default;
SafetensorsFile& SafetensorsFile::operator=(SafetensorsFile&&) noexcept = default;

const std::string& SafetensorsFile::path() const noexcept {
  return impl_->path;
}
const std::map<std::string, std::string>& SafetensorsFile::metadata() const noexcept {
  return impl_->metadata;
}
const std::map<std::string, TensorView>& SafetensorsFile::tensors() const noexcept {
  return impl_->tensors;
}

const TensorView& SafetensorsFile::tensor(const std::string& name) const {
  const auto found = impl_->tensors.find(name);
  if (found == impl_->tensors.end()) throw Error(ErrorCode::Format, "tensor is missing", impl_->path, name);
  return found->second;
}

const TensorView& SafetensorsFile::tensor(const std::string& name, DType dtype,
                                          const std::vector<std::int64_t>& shape) const {
  const TensorView& view = tensor(name);
  if (view.dtype != dtype) {
    throw Error(ErrorCode::Format,
                std::string("dtype ") + to_string(view.dtype) + ", " + to_string(dtype) + " expected",
                impl_->path, name);
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
                impl_->path, name);
  }
  return view;
}

const std::string& SafetensorsFile::metadata_at(const std::string& key) const {
  const auto found = impl_->metadata.find(key);
  if (found == impl_->metadata.end()) {
    throw Error(ErrorCode::Format, "missing from the file's metadata", impl_->path, key);
  }
  return found->second;
}

void SafetensorsFile::require_kind(std::string_view kind, int newest_version) const {
  const auto found = impl_->metadata.find("kind");
  if (found == impl_->metadata.end() || found->second != kind) {
    throw Error(ErrorCode::Format,
                (found == impl_->metadata.end() ? std::string("no kind") : "'" + found->second + "'") +
                    ", '" + std::string(kind) + "' expected",
                impl_->path, "kind");
  }
  const std::string& version = metadata_at("version");
  const bool digits =
      !version.empty() && version.size() < 6 &&
      std::all_of(version.begin(), version.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!digits || std::stoi(version) < 1 || std::stoi(version) > newest_version) {
    throw Error(ErrorCode::Format, "'" + version + "', 1 to " + std::to_string(newest_version) + " expected",
                impl_->path, "version");
  }
}

std::string SafetensorsFile::sha256() const {
  return sha256_hex(impl_->file.data(), impl_->file.size());
}

}  // namespace embed
