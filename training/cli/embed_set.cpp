// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/embed_set.h"

#include <algorithm>
#include <cmath>

#include "command_line/progress.h"
#include "embed/error.h"
#include "embed/preprocess.h"

namespace training::cli {

namespace {

constexpr std::size_t kImagesAtOnce = 256;

void mirror(std::uint8_t* crop, const embed::InputSpec& input) {
  const auto channels = static_cast<std::size_t>(input.channels);
  const auto row_bytes = static_cast<std::size_t>(input.width) * channels;
  for (int y = 0; y < input.height; ++y) {
    std::uint8_t* left = crop + static_cast<std::size_t>(y) * row_bytes;
    std::uint8_t* right = left + row_bytes - channels;
    for (; left < right; left += channels, right -= channels) std::swap_ranges(left, left + channels, right);
  }
}

embed::Embedding mean_of(const embed::Embedding& a, const embed::Embedding& b, embed::Head head) {
  embed::Embedding mean{};
  double squares = 0;
  for (std::size_t d = 0; d < mean.size(); ++d) {
    mean[d] = (a[d] + b[d]) / 2;
    squares += static_cast<double>(mean[d]) * mean[d];
  }
  if (head == embed::Head::L2 && squares > 0) {
    const double length = std::sqrt(squares);
    for (float& value : mean) value = static_cast<float>(value / length);
  }
  return mean;
}

/// Copies the middle of picture i, in the channel order of the network.
void copy_middle(const PackedPictures& pictures, std::size_t i, const embed::InputSpec& input,
                 std::uint8_t* out) {
  const auto channels = static_cast<std::size_t>(input.channels);
  const auto row_bytes = static_cast<std::size_t>(input.width) * channels;
  const auto top = static_cast<std::size_t>((pictures.height - input.height) / 2);
  const auto left = static_cast<std::size_t>((pictures.width - input.width) / 2);
  std::vector<std::uint8_t> scratch;
  const std::uint8_t* packed = pictures.images[i].pixels(scratch);
  for (std::size_t y = 0; y < static_cast<std::size_t>(input.height); ++y) {
    const std::uint8_t* from =
        packed + ((top + y) * static_cast<std::size_t>(pictures.width) + left) * channels;
    std::copy(from, from + row_bytes, out + y * row_bytes);
  }
  if (!input.bgr || channels != 3) return;
  for (std::size_t p = 0; p < embed::crop_bytes(input); p += 3) std::swap(out[p], out[p + 2]);
}

void require_fit(const PackedPictures& set, const embed::InputSpec& input) {
  const auto widened = [&](int side) {
    return static_cast<int>(std::lround(static_cast<double>(side) * set.context));
  };
  const bool fits = set.channels == input.channels && set.width == widened(input.width) &&
                    set.height == widened(input.height) && (set.width - input.width) % 2 == 0 &&
                    (set.height - input.height) % 2 == 0;
  if (fits) return;
  const auto text = [](int width, int height, int channels) {
    return std::to_string(width) + "×" + std::to_string(height) + "×" + std::to_string(channels);
  };
  throw embed::Error(embed::ErrorCode::Mismatch,
                     "its images are " + text(set.width, set.height, set.channels) + ", the weights take " +
                         text(widened(input.width), widened(input.height), input.channels) +
                         "; pack them with --weights",
                     set.path);
}

}  // namespace

std::vector<embed::Embedding> embed_crops(const Network& embedder, const std::vector<std::uint8_t>& crops,
                                          bool flip) {
  const embed::InputSpec& input = embedder.info().input;
  const std::size_t bytes = embed::crop_bytes(input);
  std::vector<embed::Embedding> embeddings(crops.size() / bytes);
  embedder.embed_crops(crops.data(), embeddings.size(), embeddings.data());
  if (!flip) return embeddings;
  std::vector<std::uint8_t> mirrored = crops;
  for (std::size_t i = 0; i < embeddings.size(); ++i) mirror(mirrored.data() + i * bytes, input);
  std::vector<embed::Embedding> others(embeddings.size());
  embedder.embed_crops(mirrored.data(), others.size(), others.data());
  for (std::size_t i = 0; i < embeddings.size(); ++i) {
    embeddings[i] = mean_of(embeddings[i], others[i], embedder.info().head);
  }
  return embeddings;
}

std::vector<embed::Embedding> embed_pictures(const Network& embedder, const PackedPictures& pictures,
                                             bool flip) {
  const embed::InputSpec& input = embedder.info().input;
  require_fit(pictures, input);
  const std::size_t size = pictures.images.size();
  if (size == 0) throw embed::Error(embed::ErrorCode::Format, "a data set without images", pictures.path);
  const std::size_t bytes = embed::crop_bytes(input);
  std::vector<embed::Embedding> result;
  command_line::Progress progress("embedding", size);
  std::vector<std::uint8_t> crops;
  for (std::size_t first = 0; first < size; first += kImagesAtOnce) {
    const std::size_t count = std::min(kImagesAtOnce, size - first);
    crops.resize(count * bytes);
    for (std::size_t i = 0; i < count; ++i) copy_middle(pictures, first + i, input, crops.data() + i * bytes);
    const std::vector<embed::Embedding> embeddings = embed_crops(embedder, crops, flip);
    result.insert(result.end(), embeddings.begin(), embeddings.end());
    progress.step(count);
  }
  return result;
}

PackedPictures pictures_of(const embed::Dataset& set) {
  PackedPictures pictures = {{}, set.width(), set.height(), set.channels(), set.context(), set.path()};
  for (std::size_t i = 0; i < set.size(); ++i) pictures.images.emplace_back(set, i);
  return pictures;
}

LabelledEmbeddings embed_dataset(const Network& embedder, const embed::Dataset& set, bool flip) {
  LabelledEmbeddings result = {embed_pictures(embedder, pictures_of(set), flip), {}};
  for (std::size_t i = 0; i < set.size(); ++i) result.labels.push_back(set.label(i));
  return result;
}

}  // namespace training::cli
