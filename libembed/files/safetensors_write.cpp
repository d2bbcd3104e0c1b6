// SPDX-License-Identifier: LGPL-2.1-or-later
#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "embed/error.h"
#include "files/atomic_file.h"
#include "files/safetensors_types.h"

namespace embed {

namespace {

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
  write_safetensors_pieces(path, whole, metadata, Readers::AsUmask);
}

void write_safetensors_pieces(const std::string& path, const std::map<std::string, TensorPieces>& tensors,
                              const std::map<std::string, std::string>& metadata, Readers readers) {
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

  AtomicFile file(path, readers);
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
  const AtomicFile probe(path, Readers::Owner);
}

void write_file_atomically(const std::string& path, const void* data, std::size_t size) {
  AtomicFile file(path, Readers::AsUmask);
  file.write(data, size);
  file.commit();
}

}  // namespace embed
