// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "embed/embedding.h"
#include "embed/image_view.h"
#include "embed/model_info.h"
#include "embed/safetensors.h"

/// What tests are made of: nothing here is read from the source tree, everything is made on the spot from
/// seeds. Not thread-safe, unless said.
namespace fixtures {

/// A folder of this process under TMPDIR (else /tmp), made at the first call and removed with all that is in
/// it when the process ends.
std::string temp_dir();

/// The real data's folder (TRIPLETEMBED_DATA), when there is such a folder. Tests that need it skip without.
std::optional<std::string> data_dir();

void write_bytes(const std::string& path, const std::vector<std::uint8_t>& bytes);
void write_bytes(const std::string& path, const std::string& bytes);
/// The whole file. Throws std::runtime_error when it cannot be read.
std::vector<std::uint8_t> read_bytes(const std::string& path);

/// 64×64 RGB, values / 255, five-point alignment.
embed::InputSpec default_input();

struct WeightsOptions {
  std::uint64_t seed = 1;
  embed::Head head = embed::Head::L2;
  embed::InputSpec input = default_input();
  embed::Metric metric = embed::Metric::Cosine;
  std::optional<float> threshold = 0.4F;
  embed::DType storage = embed::DType::F32;
};

/// Writes a whole network with random weights and returns `path`. Its running statistics are those of a batch
/// of painted pictures, so that different pictures get clearly different embeddings. Same options: same
/// tensors.
std::string write_weights(const std::string& path, const WeightsOptions& options = {});

using NamedEmbedding = std::pair<std::string, embed::Embedding>;

/// Writes a gallery for the weights in that file (its metric, its SHA-256) and returns `path`.
std::string write_gallery(const std::string& path, const std::string& weights_path,
                          const std::vector<NamedEmbedding>& rows);

/// Seeded values from a normal distribution; scaled to unit length when `unit`.
embed::Embedding random_embedding(std::uint64_t seed, bool unit = true);

/// An image that owns its planes. Movable; the view is valid while the object lives.
struct Pixels {
  embed::PixelFormat format = embed::PixelFormat::Rgb;
  int width = 0;
  int height = 0;
  embed::YuvMatrix matrix = embed::YuvMatrix::Bt601;
  embed::PixelRange range = embed::PixelRange::Usual;
  std::array<std::vector<std::uint8_t>, 3> planes;
  std::array<std::ptrdiff_t, 3> strides{};

  embed::ImageView view() const;
};

/// Every PixelFormat, for loops over all of them.
const std::vector<embed::PixelFormat>& all_formats();
/// Every YuvMatrix.
const std::vector<embed::YuvMatrix>& all_matrices();
/// "rgb", "nv12", …
const char* format_name(embed::PixelFormat format);

/// The colour, red, green and blue in [0, 255], of the painted pattern at a point: smooth, colourful and
/// different for each seed. Any thread.
std::array<double, 3> pattern(double x, double y, int width, int height, std::uint64_t seed);

/// Paints the pattern (taken at pixel centres, rounded to 8 bits) in the given format. The bytes between the
/// end of a row and the next (`extra_stride` of them) are 0xA5. Conversion to YUV and to limited
/// range is a plain double-precision one of its own, chroma averaged over the 2×2 pixels that share it.
Pixels make_image(embed::PixelFormat format, int width, int height, int extra_stride = 0,
                  std::uint64_t seed = 1, embed::YuvMatrix matrix = embed::YuvMatrix::Bt601,
                  embed::PixelRange range = embed::PixelRange::Usual);

/// The same picture as one with tightly packed 8-bit RGB rows, [height, width, 3].
std::vector<std::uint8_t> rgb_pattern(int width, int height, std::uint64_t seed);

/// Any 8-bit RGB picture, [height, width, 3] tightly packed, in the given format.
Pixels from_rgb(const std::vector<std::uint8_t>& rgb, int width, int height, embed::PixelFormat format,
                int extra_stride = 0, embed::YuvMatrix matrix = embed::YuvMatrix::Bt601,
                embed::PixelRange range = embed::PixelRange::Usual);

}  // namespace fixtures
