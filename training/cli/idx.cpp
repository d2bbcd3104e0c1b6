// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/idx.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "embed/error.h"

namespace training::cli {

namespace {

namespace fs = std::filesystem;
using embed::Error;
using embed::ErrorCode;

constexpr std::uint32_t kImageMagic = 0x00000803;  // unsigned bytes, three dimensions
constexpr std::uint32_t kLabelMagic = 0x00000801;  // unsigned bytes, one dimension
constexpr std::uint32_t kLargestSide = 4096;
constexpr std::size_t kChunk = std::size_t{1} << 20;

/// zlib reads plain files as they are, so one class serves both kinds.
class GzReader {
 public:
  explicit GzReader(const std::string& path) : path_(path) {
    if (!fs::exists(path)) throw Error(ErrorCode::NotFound, "no such file", path);
    if (!fs::is_regular_file(path))
      throw Error(ErrorCode::Format, "an IDX file expected, this is no file", path);
    file_ = gzopen(path.c_str(), "rb");
    if (file_ == nullptr) throw Error(ErrorCode::Io, std::strerror(errno), path);
  }
  ~GzReader() { gzclose(file_); }
  GzReader(const GzReader&) = delete;
  GzReader& operator=(const GzReader&) = delete;

  /// Up to `size` bytes; fewer only at the end.
  std::size_t read(std::uint8_t* out, std::size_t size) {
    std::size_t got = 0;
    while (got < size) {
      const int n = gzread(file_, out + got, static_cast<unsigned>(std::min(size - got, kChunk)));
      if (n < 0) fail();
      if (n == 0) break;
      got += static_cast<std::size_t>(n);
    }
    return got;
  }

  std::uint32_t big_endian_32(const char* field) {
    std::array<std::uint8_t, 4> bytes{};
    if (read(bytes.data(), bytes.size()) != bytes.size()) {
      throw Error(ErrorCode::Format, "the file ends inside its header", path_, field);
    }
    return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 |
           bytes[3];
  }

  std::vector<std::uint8_t> exactly(std::uint64_t size) {
    std::vector<std::uint8_t> data;
    while (data.size() < size) {
      const std::size_t before = data.size();
      const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(kChunk, size - before));
      data.resize(before + want);
      const std::size_t got = read(data.data() + before, want);
      if (got < want) {
        throw Error(ErrorCode::Format,
                    "truncated: the header promises " + std::to_string(size) + " bytes of data, " +
                        std::to_string(before + got) + " are there",
                    path_);
      }
    }
    std::uint8_t extra = 0;
    if (read(&extra, 1) != 0) throw Error(ErrorCode::Format, "bytes are left over after the data", path_);
    return data;
  }

 private:
  [[noreturn]] void fail() {
    int code = 0;
    const std::string message = gzerror(file_, &code);
    if (code == Z_ERRNO) throw Error(ErrorCode::Io, std::strerror(errno), path_);
    throw Error(ErrorCode::Format, "broken gzip data: " + message, path_);
  }

  std::string path_;
  gzFile file_ = nullptr;
};

std::string hex(std::uint32_t value) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "0x%08x", value);
  return text.data();
}

void require_magic(GzReader& file, std::uint32_t expected, const char* kind, const std::string& path) {
  const std::uint32_t magic = file.big_endian_32("magic number");
  if (magic == expected) return;
  throw Error(ErrorCode::Format,
              hex(magic) + ", " + hex(expected) + " expected (an IDX file of " + std::string(kind) + ")",
              path, "magic number");
}

bool replace(std::string& text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  if (at == std::string::npos) return false;
  text.replace(at, from.size(), to);
  return true;
}

std::string labels_beside(const std::string& images_path) {
  const fs::path path(images_path);
  std::string name = path.filename().string();
  const bool images = replace(name, "images", "labels");
  const bool idx3 = replace(name, "idx3", "idx1");
  const fs::path beside = path.parent_path() / name;
  if ((images || idx3) && fs::exists(beside)) return beside.string();
  throw Error(ErrorCode::NotFound,
              (images || idx3 ? "no labels file '" + name + "' beside it"
                              : "its name does not tell the labels file's") +
                  "; name it with --labels",
              images_path);
}

}  // namespace

IdxSet read_idx(const std::string& images_path, const std::string& labels_path) {
  IdxSet set;
  GzReader images(images_path);
  require_magic(images, kImageMagic, "images", images_path);
  set.count = images.big_endian_32("count");
  const std::uint32_t rows = images.big_endian_32("rows");
  const std::uint32_t columns = images.big_endian_32("columns");
  if (rows < 1 || rows > kLargestSide || columns < 1 || columns > kLargestSide) {
    throw Error(ErrorCode::Format,
                std::to_string(rows) + " × " + std::to_string(columns) + ", sides from 1 to 4096 expected",
                images_path, "image size");
  }
  set.rows = static_cast<int>(rows);
  set.columns = static_cast<int>(columns);
  set.images = images.exactly(std::uint64_t{set.count} * rows * columns);

  const std::string label_file = labels_path.empty() ? labels_beside(images_path) : labels_path;
  GzReader labels(label_file);
  require_magic(labels, kLabelMagic, "labels", label_file);
  const std::uint32_t label_count = labels.big_endian_32("count");
  set.labels = labels.exactly(label_count);
  if (label_count != set.count) {
    throw Error(ErrorCode::Format,
                std::to_string(label_count) + " labels, but " + std::to_string(set.count) + " images in " +
                    images_path,
                label_file, "count");
  }
  return set;
}

}  // namespace training::cli
