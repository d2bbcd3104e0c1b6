// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "embed/embedder.h"
#include "embed/preprocess.h"
#include "fixtures.h"

/// What the tests of Embedder share.
namespace embedder_fixture {

inline embed::EmbedderOptions on_cpu(const std::string& precision = "fp32", std::size_t batch = 4) {
  embed::EmbedderOptions options;
  options.device = "cpu";
  options.precision = precision;
  options.batch_size = batch;
  return options;
}

inline const std::string& weights() {
  static const std::string path = fixtures::write_weights(fixtures::temp_dir() + "/embedder.safetensors");
  return path;
}

inline const embed::Embedder& shared_embedder() {
  static const embed::Embedder embedder(weights(), on_cpu());
  return embedder;
}

/// Painted pictures, [count, 64, 64, 3].
inline std::vector<std::uint8_t> crops(std::size_t count, std::uint64_t seed = 900) {
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i < count; ++i) {
    const auto one = fixtures::rgb_pattern(64, 64, seed + i);
    bytes.insert(bytes.end(), one.begin(), one.end());
  }
  return bytes;
}

inline double cosine(const embed::Embedding& a, const float* b) {
  double dot = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    dot += static_cast<double>(a[i]) * b[i];
    aa += static_cast<double>(a[i]) * a[i];
    bb += static_cast<double>(b[i]) * b[i];
  }
  return dot / std::sqrt(aa * bb);
}

inline std::vector<embed::Embedding> embed_all(const embed::Embedder& embedder,
                                               const std::vector<std::uint8_t>& bytes) {
  std::vector<embed::Embedding> out(bytes.size() / embed::crop_bytes(embedder.info().input));
  embedder.embed_crops(bytes.data(), out.size(), out.data());
  return out;
}

}  // namespace embedder_fixture
