// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fixtures.h"

#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <stdexcept>

#include "embed/gallery.h"

namespace fixtures {

namespace {

/// Removed by the process that made it alone: a forked child must leave its parent's files.
class TempDir {
 public:
  TempDir() : owner_(::getpid()) {
    const char* base = std::getenv("TMPDIR");
    path_ = std::string(base != nullptr && *base != '\0' ? base : "/tmp") + "/tripletembed-test-XXXXXX";
    if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error("cannot make a folder like " + path_);
  }
  ~TempDir() {
    std::error_code ignored;
    if (::getpid() == owner_) std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::string& path() const { return path_; }

 private:
  ::pid_t owner_;
  std::string path_;
};

}  // namespace

std::string temp_dir() {
  static const TempDir folder;
  return folder.path();
}

std::optional<std::string> data_dir() {
  const char* path = std::getenv("TRIPLETEMBED_DATA");
  if (path == nullptr || !std::filesystem::is_directory(path)) return std::nullopt;
  return std::string(path);
}

void write_bytes(const std::string& path, const std::vector<std::uint8_t>& bytes) {
  write_bytes(path, std::string(bytes.begin(), bytes.end()));
}

void write_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file) throw std::runtime_error("cannot write " + path);
}

std::vector<std::uint8_t> read_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

embed::InputSpec default_input() {
  embed::InputSpec input;
  input.width = 64;
  input.height = 64;
  return input;
}

std::string write_gallery(const std::string& path, const std::string& weights_path,
                          const std::vector<NamedEmbedding>& rows) {
  const embed::SafetensorsFile weights(weights_path);
  const embed::ModelInfo info = embed::model_info_from_metadata(weights.metadata(), weights_path);
  embed::Gallery gallery(info.metric, embed::weights_sha256(weights, info));
  for (const auto& [name, embedding] : rows) gallery.add(name, embedding);
  gallery.save(path);
  return path;
}

embed::Embedding random_embedding(std::uint64_t seed, bool unit) {
  std::mt19937_64 generator(seed);
  embed::Embedding values{};
  double square = 0;
  for (float& value : values) {
    // Irwin–Hall: twelve uniform numbers are near enough to a normal one, and the same on every standard
    // library.
    double sum = -6;
    for (int i = 0; i < 12; ++i) sum += static_cast<double>(generator() >> 11) * 0x1p-53;
    value = static_cast<float>(sum);
    square += sum * sum;
  }
  if (unit) {
    for (float& value : values) value = static_cast<float>(value / std::sqrt(square));
  }
  return values;
}

}  // namespace fixtures
