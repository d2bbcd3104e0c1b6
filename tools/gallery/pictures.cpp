// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gallery/pictures.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace gallery_tool {

namespace {

constexpr std::array kEndings{".jpg", ".png", ".ppm", ".pgm"};
constexpr std::size_t kMostBytes = 4U << 20U;
constexpr std::size_t kMostPixels = 1'000'000;

std::optional<std::string> content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::string bytes(kMostBytes + 1, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(file.gcount()));
  if (bytes.size() > kMostBytes) return std::nullopt;
  return bytes;
}

/// The next number of a PPM's header; nothing where there is none below a million.
std::optional<std::size_t> number(const std::string& bytes, std::size_t& at) {
  while (at < bytes.size() && std::isspace(static_cast<unsigned char>(bytes[at])) != 0) ++at;
  std::size_t value = 0, digits = 0;
  while (at < bytes.size() && bytes[at] >= '0' && bytes[at] <= '9' && ++digits <= 6)
    value = 10 * value + static_cast<std::size_t>(bytes[at++] - '0');
  if (digits == 0 || digits > 6) return std::nullopt;
  return value;
}

void put(std::string& out, std::uint32_t value, int bytes) {
  for (int i = 0; i < bytes; ++i)
    out += static_cast<char>((value >> (8U * static_cast<unsigned>(i))) & 0xFFU);
}

/// `pixels`: [height, width, channels] uint8, RGB or grey.
std::string bmp(const std::uint8_t* pixels, std::size_t width, std::size_t height, std::size_t channels) {
  constexpr std::uint32_t kHeader = 54;
  const std::size_t row = (3 * width + 3) / 4 * 4;
  std::string out = "BM";
  put(out, static_cast<std::uint32_t>(kHeader + row * height), 4);
  put(out, 0, 4);
  put(out, kHeader, 4);
  put(out, 40, 4);  // The size of what follows of the header.
  put(out, static_cast<std::uint32_t>(width), 4);
  put(out, static_cast<std::uint32_t>(height), 4);
  put(out, 1, 2);
  put(out, 24, 2);
  for (int i = 0; i < 6; ++i) put(out, 0, 4);
  // From the lowest row up, blue first.
  for (std::size_t y = height; y-- > 0;) {
    const std::uint8_t* from = pixels + y * width * channels;
    for (std::size_t x = 0; x < width; ++x, from += channels)
      for (std::size_t c = 3; c-- > 0;) out += static_cast<char>(from[channels == 3 ? c : 0]);
    out.append(row - 3 * width, '\0');
  }
  return out;
}

std::optional<Picture> from_pnm(const std::string& bytes) {
  const std::string kind = bytes.substr(0, 2);
  if (kind != "P5" && kind != "P6") return std::nullopt;
  const std::size_t channels = kind == "P6" ? 3 : 1;
  std::size_t at = 2;
  const auto width = number(bytes, at), height = number(bytes, at), most = number(bytes, at);
  if (!width || !height || most != std::size_t{255} || *width == 0 || *height == 0 ||
      *width * *height > kMostPixels)
    return std::nullopt;
  ++at;  // One white space.
  if (bytes.size() < at + *width * *height * channels) return std::nullopt;
  return Picture{"image/bmp",
                 bmp(reinterpret_cast<const std::uint8_t*>(bytes.data()) + at, *width, *height, channels)};
}

}  // namespace

std::optional<Picture> picture_of(const std::string& bytes) {
  if (bytes.compare(0, 3, "\xFF\xD8\xFF") == 0) return Picture{"image/jpeg", bytes};
  if (bytes.compare(0, 4, "\x89PNG") == 0) return Picture{"image/png", bytes};
  return from_pnm(bytes);
}

std::optional<std::string> read_file(const std::string& base) {
  for (const char* ending : kEndings)
    if (std::optional<std::string> bytes = content(base + ending)) return bytes;
  return std::nullopt;
}

std::optional<Picture> read_picture(const std::string& base) {
  const std::optional<std::string> bytes = read_file(base);
  return bytes ? picture_of(*bytes) : std::nullopt;
}

bool has_picture(const std::string& base) {
  return std::any_of(kEndings.begin(), kEndings.end(), [&](const char* ending) {
    std::error_code none;
    return std::filesystem::exists(base + ending, none);
  });
}

}  // namespace gallery_tool
