// SPDX-License-Identifier: LGPL-2.1-or-later
#include "report/png_writer.h"

#include <zlib.h>

#include <cstdlib>

#include "embed/error.h"

namespace training {

namespace {

void put_u32(std::string& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift & 0xFFU));
}

void put_chunk(std::string& out, const char* type, const std::string& content) {
  put_u32(out, static_cast<std::uint32_t>(content.size()));
  const std::string body = type + content;
  out += body;
  const auto* bytes = reinterpret_cast<const Bytef*>(body.data());
  put_u32(out, static_cast<std::uint32_t>(crc32(0, bytes, static_cast<uInt>(body.size()))));
}

int paeth(int left, int up, int corner) {
  const int guess = left + up - corner;
  const int to_left = std::abs(guess - left), to_up = std::abs(guess - up),
            to_corner = std::abs(guess - corner);
  if (to_left <= to_up && to_left <= to_corner) return left;
  return to_up <= to_corner ? up : corner;
}

/// What filter `type` predicts for a byte from the ones beside, above and diagonally above it.
int predict(int type, int left, int up, int corner) {
  switch (type) {
    case 1:
      return left;
    case 2:
      return up;
    case 3:
      return (left + up) / 2;
    case 4:
      return paeth(left, up, corner);
    default:
      return 0;
  }
}

/// The row behind the filter whose differences are smallest, as the standard suggests (12.8).
std::string filter_row(const std::uint8_t* row, const std::uint8_t* above, std::size_t bytes,
                       std::size_t step) {
  std::string best;
  long best_sum = -1;
  for (int type = 0; type <= 4; ++type) {
    std::string filtered(1, static_cast<char>(type));
    long sum = 0;
    for (std::size_t i = 0; i < bytes; ++i) {
      const int left = i >= step ? row[i - step] : 0;
      const int up = above != nullptr ? above[i] : 0;
      const int corner = above != nullptr && i >= step ? above[i - step] : 0;
      const auto rest = static_cast<std::uint8_t>(row[i] - predict(type, left, up, corner));
      filtered.push_back(static_cast<char>(rest));
      sum += std::abs(static_cast<int>(static_cast<std::int8_t>(rest)));
    }
    if (best_sum >= 0 && sum >= best_sum) continue;
    best_sum = sum;
    best = std::move(filtered);
  }
  return best;
}

std::string deflate_all(const std::string& raw) {
  uLongf size = compressBound(static_cast<uLong>(raw.size()));
  std::string out(size, '\0');
  const int status = compress2(reinterpret_cast<Bytef*>(out.data()), &size,
                               reinterpret_cast<const Bytef*>(raw.data()), static_cast<uLong>(raw.size()), 9);
  if (status != Z_OK) throw embed::Error(embed::ErrorCode::OutOfMemory, "zlib could not compress a picture");
  out.resize(size);
  return out;
}

}  // namespace

std::string encode_png(const std::uint8_t* pixels, int width, int height, int channels) {
  if (width < 1 || height < 1 || width > 65535 || height > 65535 || (channels != 1 && channels != 3)) {
    throw embed::Error(embed::ErrorCode::InvalidArgument,
                       "a picture of 1 to 65535 pixels a side in 1 or 3 channels expected, not " +
                           std::to_string(width) + "x" + std::to_string(height) + "x" +
                           std::to_string(channels));
  }
  const auto step = static_cast<std::size_t>(channels);
  const std::size_t bytes = static_cast<std::size_t>(width) * step;
  std::string raw;
  for (int y = 0; y < height; ++y) {
    const std::uint8_t* row = pixels + static_cast<std::size_t>(y) * bytes;
    raw += filter_row(row, y > 0 ? row - bytes : nullptr, bytes, step);
  }
  std::string header;
  put_u32(header, static_cast<std::uint32_t>(width));
  put_u32(header, static_cast<std::uint32_t>(height));
  header.push_back(8);  // Bits a channel.
  header.push_back(channels == 3 ? 2 : 0);
  header.append(3, '\0');  // Deflate, adaptive filters, not interlaced.
  std::string out("\x89PNG\r\n\x1a\n", 8);
  put_chunk(out, "IHDR", header);
  put_chunk(out, "IDAT", deflate_all(raw));
  put_chunk(out, "IEND", "");
  return out;
}

std::string base64(const std::string& bytes) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t three = 0;
    const std::size_t there = std::min<std::size_t>(3, bytes.size() - i);
    for (std::size_t k = 0; k < 3; ++k)
      three = three << 8U | (k < there ? static_cast<std::uint8_t>(bytes[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k) out.push_back(k <= there ? digits[three >> (18 - 6 * k) & 63U] : '=');
  }
  return out;
}

}  // namespace training
