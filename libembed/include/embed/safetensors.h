// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace embed {

/// Element types of the safetensors format.
enum class DType { Bool, U8, I8, I16, U16, F16, BF16, I32, U32, F32, F64, I64, U64 };

std::size_t size_of(DType dtype) noexcept;    ///< Bytes of one element.
const char* to_string(DType dtype) noexcept;  ///< The format's own name, e.g. "F32".

/// A tensor in an open file, or one to be written. `data` is borrowed: C-contiguous, little-endian, `bytes`
/// long.
struct TensorView {
  DType dtype = DType::F32;
  std::vector<std::int64_t> shape;  ///< Each ≥ 0; empty for a scalar.
  const std::uint8_t* data = nullptr;
  std::size_t bytes = 0;
  std::uint64_t offset = 0;  ///< Of its first byte, counted from the end of the open file's header.
};

/// How much of a file is read when it is opened.
enum class Contents {
  Whole,   ///< All of it, into memory.
  Header,  ///< The header alone. Each view's `data` is null; SafetensorsFile::read() reads the tensors.
};

/// A safetensors file that is open for reading. It is never mapped: whatever others do to the file meanwhile
/// is an Error, and never a signal. Views point into memory that this object owns. Thread-safe once
/// constructed.
///
/// Every field is checked before it is used: the format's rules, a header of at most 100 MB, at most 16,384
/// tensors and 1,024 entries of metadata, no overlap, no gap, no byte left over, sizes that match shapes, and
/// offsets aligned to the element's size. Reading the header takes time and memory in proportion to its
/// length.
class SafetensorsFile {
 public:
  /// Throws Error(NotFound | Io | Format | OutOfMemory) that names the file and the tensor.
  explicit SafetensorsFile(const std::string& path, Contents contents = Contents::Whole);
  ~SafetensorsFile();
  SafetensorsFile(SafetensorsFile&&) noexcept;
  SafetensorsFile& operator=(SafetensorsFile&&) noexcept;

  const std::string& path() const noexcept;
  const std::map<std::string, std::string>& metadata() const noexcept;
  const std::map<std::string, TensorView>& tensors() const noexcept;

  /// The tensor of that name. Throws Error(Format) when there is none, when its type is not `dtype`, or when
  /// its shape does not match `shape` (−1 matches any size).
  const TensorView& tensor(const std::string& name) const;
  const TensorView& tensor(const std::string& name, DType dtype,
                           const std::vector<std::int64_t>& shape) const;

  /// The metadata value of that key. Throws Error(Format) when there is none.
  const std::string& metadata_at(const std::string& key) const;

  /// As metadata_at for a value that is to be parsed. Throws Error(Format) also for more than 1,000,000
  /// bytes.
  const std::string& short_metadata_at(const std::string& key) const;
  /// A metadata value that is a JSON array of at most `most` strings. Throws Error(Format) for any other
  /// value.
  std::vector<std::string> strings_at(const std::string& key, std::size_t most) const;
  /// Frees an entry of the metadata, so that a long list is not held twice once it has been parsed. Not
  /// beside other calls.
  void drop_metadata(const std::string& key);

  /// Reads bytes [begin, begin + size) of a tensor of this file from the disk into `out`, which the caller
  /// owns. Throws Error(Io) that names the file when it cannot be read or holds something else than when it
  /// was opened, and Error(InvalidArgument) for bytes that the tensor does not have.
  void read(const TensorView& tensor, std::uint64_t begin, void* out, std::size_t size) const;

  /// Throws Error(Format) unless metadata `kind` is `kind` and `version` is from 1 to `newest_version`.
  void require_kind(std::string_view kind, int newest_version) const;

  /// SHA-256 of the whole file as 64 hex digits. Reads the file at each call. Throws Error(Io).
  std::string sha256() const;
  /// SHA-256 of a tensor's bytes. Throws Error(Io).
  std::string sha256(const TensorView& tensor) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Writes a safetensors file beside `path`, syncs it and renames it over `path`: readers see the old file or
/// the new one, never a part. An existing file keeps its mode and owner, and a symbolic link stays one.
/// Throws Error(InvalidArgument) for inconsistent views, and Error(Io) when writing fails; the old file is
/// then untouched, and no partial file is left.
void write_safetensors(const std::string& path, const std::map<std::string, TensorView>& tensors,
                       const std::map<std::string, std::string>& metadata);

/// Writes a file of `size` bytes in the same way. Throws Error(Io).
void write_file_atomically(const std::string& path, const void* data, std::size_t size);

/// Checks whether the functions above could write to `path` now, so that long work does not end at a
/// read-only folder. Leaves nothing behind. Throws Error(Io) for a missing folder, for one without the right
/// to write, and when `path` exists and is not a regular file.
void check_writable(const std::string& path);

/// SHA-256 (FIPS 180-4) of a buffer as 64 lower-case hex digits.
std::string sha256_hex(const void* data, std::size_t size);

}  // namespace embed
