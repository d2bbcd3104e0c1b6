// SPDX-License-Identifier: LGPL-2.1-or-later
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>
#include <vector>

#include "embed/error.h"
#include "safetensors_types.h"

namespace embed {

namespace {

/// A file that appears under its name only when complete: written beside it, synced, renamed.
class AtomicFile {
 public:
  explicit AtomicFile(const std::string& path) : path_(path), part_(path + ".part-XXXXXX") {
    refuse_others();
    fd_ = ::mkstemp(part_.data());
    if (fd_ < 0) throw Error(ErrorCode::Io, std::string("cannot write: ") + std::strerror(errno), path_);
    // mkstemp makes files for the owner alone; a finished file has the rights that open() would give it.
    const mode_t mask = ::umask(0);
    ::umask(mask);
    ::fchmod(fd_, 0666 & ~mask);
  }
  ~AtomicFile() {
    if (fd_ >= 0) ::close(fd_);
    if (!part_.empty()) ::unlink(part_.c_str());
  }
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* data, std::size_t size) {
    const auto* bytes = static_cast<const char*>(data);
    while (size > 0) {
      const ssize_t done = ::write(fd_, bytes, std::min<std::size_t>(size, std::size_t{1} << 30));
      if (done < 0 && errno == EINTR) continue;
      if (done < 0) fail("cannot write");
      bytes += done;
      size -= static_cast<std::size_t>(done);
    }
  }

  void commit() {
    if (::fsync(fd_) != 0) fail("cannot sync");
    const int closed = ::close(fd_);
    fd_ = -1;
    if (closed != 0) fail("cannot close");
    if (::rename(part_.c_str(), path_.c_str()) != 0) fail("cannot rename the finished file");
    part_.clear();
    sync_folder();
  }

 private:
  /// The rename would put a file in the place of a device or a pipe.
  void refuse_others() const {
    struct stat there = {};
    if (::stat(path_.c_str(), &there) != 0 || S_ISREG(there.st_mode)) return;
    throw Error(ErrorCode::Io,
                S_ISDIR(there.st_mode) ? "cannot write: it is a folder"
                                       : "cannot write: it is there and no regular file",
                path_);
  }

  [[noreturn]] void fail(const char* what) const {
    throw Error(ErrorCode::Io, std::string(what) + ": " + std::strerror(errno), path_);
  }

  // The rename itself must survive a power cut. Some file systems cannot sync a folder: then there is no more
  // to do.
  void sync_folder() const {
    const std::size_t slash = path_.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : path_.substr(0, slash + 1);
    const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    ::fsync(fd);
    ::close(fd);
  }

  std::string path_, part_;
  int fd_ = -1;
};

struct Placed {
  std::string name;
  const TensorPieces* tensor;
  std::uint64_t bytes;
};

/// The bytes of all pieces; nothing when there is a piece without data.
std::optional<std::uint64_t> bytes_of(const TensorPieces& tensor) {
  std::uint64_t bytes = 0;
  for (const TensorPieces::Piece& piece : tensor.pieces) {
    if (piece.bytes > 0 && piece.data == nullptr) return std::nullopt;
    bytes += piece.bytes;
  }
  return bytes;
}

/// Largest element first, then by name: every tensor is then aligned without padding.
std::vector<Placed> place(const std::map<std::string, TensorPieces>& tensors) {
  std::vector<Placed> order;
  for (const auto& [name, tensor] : tensors) {
    const auto bytes = bytes_of(tensor);
    if (!bytes || tensor_bytes(tensor.dtype, tensor.shape) != bytes) {
      throw Error(ErrorCode::InvalidArgument, "tensor '" + name + "': shape, dtype and bytes do not agree");
    }
    if (name == "__metadata__")
      throw Error(ErrorCode::InvalidArgument, "a tensor cannot be called __metadata__");
    order.push_back({name, &tensor, *bytes});
  }
  std::stable_sort(order.begin(), order.end(), [](const Placed& a, const Placed& b) {
    return size_of(a.tensor->dtype) > size_of(b.tensor->dtype);
  });
  return order;
}

}  // namespace

void write_safetensors(const std::string& path, const std::map<std::string, TensorView>& tensors,
                       const std::map<std::string, std::string>& metadata) {
  std::map<std::string, TensorPieces> whole;
  for (const auto& [name, view] : tensors) whole[name] = {view.dtype, view.shape, {{view.data, view.bytes}}};
  write_safetensors_pieces(path, whole, metadata);
}

void write_safetensors_pieces(const std::string& path, const std::map<std::string, TensorPieces>& tensors,
                              const std::map<std::string, std::string>& metadata) {
  const std::vector<Placed> order = place(tensors);
  nlohmann::json header = nlohmann::json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::uint64_t offset = 0;
  for (const Placed& tensor : order) {
    header[tensor.name] = {{"dtype", to_string(tensor.tensor->dtype)},
                           {"shape", tensor.tensor->shape},
                           {"data_offsets", {offset, offset + tensor.bytes}}};
    offset += tensor.bytes;
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const nlohmann::json::exception&) {
    throw Error(ErrorCode::InvalidArgument, "names and metadata must be UTF-8", path);
  }
  // Padded with spaces, as the format allows, so that the data starts on a multiple of 64 bytes.
  text.append((64 - (text.size() + 8) % 64) % 64, ' ');
  if (text.size() > kMaxHeaderBytes) {
    throw Error(ErrorCode::InvalidArgument, "the header would have more than 100000000 bytes", path);
  }

  AtomicFile file(path);
  std::array<std::uint8_t, 8> length{};
  for (std::size_t i = 0; i < 8; ++i) length[i] = static_cast<std::uint8_t>(text.size() >> (8 * i));
  file.write(length.data(), length.size());
  file.write(text.data(), text.size());
  for (const Placed& tensor : order) {
    for (const TensorPieces::Piece& piece : tensor.tensor->pieces) file.write(piece.data, piece.bytes);
  }
  file.commit();
}

void check_writable(const std::string& path) {
  const AtomicFile probe(path);
}

void write_file_atomically(const std::string& path, const void* data, std::size_t size) {
  AtomicFile file(path);
  file.write(data, size);
  file.commit();
}

}  // namespace embed
