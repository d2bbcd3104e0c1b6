// SPDX-License-Identifier: LGPL-2.1-or-later
#include "faces/picture_header.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <cstring>

#include "faces/byte_reader.h"
#include "faces/exif.h"

namespace embed::faces {

namespace {

using Bytes = std::vector<std::uint8_t>;

bool starts(const Bytes& bytes, std::size_t at, const char* text, std::size_t count) {
  return bytes.size() >= at + count && std::memcmp(bytes.data() + at, text, count) == 0;
}

/// Chunk by chunk to IEND, each with its checksum: libpng would print what is wrong, and OpenCV give half a
/// picture.
void read_png(const Bytes& bytes, PictureHeader& header) {
  constexpr std::size_t kSignature = 8, kFrame = 12;
  const ByteReader reader(bytes.data(), bytes.size(), false);
  header.width = reader.u32(kSignature + 8);
  header.height = reader.u32(kSignature + 12);
  const std::uint8_t colour = bytes.size() > kSignature + 17 ? bytes[kSignature + 17] : 0;
  header.may_have_alpha = colour == 4 || colour == 6;
  for (std::size_t at = kSignature; reader.has(at, kFrame);) {
    const std::size_t size = reader.u32(at);
    if (!reader.has(at + kFrame, size)) break;
    const std::uint8_t* type = bytes.data() + at + 4;
    const std::uint32_t sum = static_cast<std::uint32_t>(crc32(0, type, static_cast<uInt>(size + 4)));
    if (sum != reader.u32(at + 8 + size)) {
      header.fault = "the checksum of its " + std::string(type, type + 4) + " part is wrong";
      return;
    }
    if (std::memcmp(type, "tRNS", 4) == 0) header.may_have_alpha = true;
    if (std::memcmp(type, "eXIf", 4) == 0) header.orientation = exif_orientation(type + 4, size);
    if (std::memcmp(type, "IEND", 4) == 0) return;
    at += kFrame + size;
  }
  header.fault = "it ends too early";
}

void read_webp(const Bytes& bytes, PictureHeader& header) {
  constexpr std::size_t kFirst = 12, kFrame = 8;
  const ByteReader reader(bytes.data(), bytes.size(), true);
  if (bytes.size() < static_cast<std::size_t>(reader.u32(4)) + 8) header.fault = "it ends too early";
  for (std::size_t at = kFirst; reader.has(at, kFrame);) {
    const std::size_t size = reader.u32(at + 4), data = at + kFrame;
    if (!reader.has(data, size)) break;
    if (starts(bytes, at, "VP8X", 4) && size >= 10) {
      header.may_have_alpha = (bytes[data] & 0x10U) != 0;
      header.width = reader.u24(data + 4) + 1;
      header.height = reader.u24(data + 7) + 1;
    } else if (starts(bytes, at, "VP8L", 4) && size >= 5) {
      const std::uint32_t bits = reader.u32(data + 1);
      header.may_have_alpha = (bits >> 28U & 1U) != 0;
      header.width = (bits & 0x3FFFU) + 1;
      header.height = (bits >> 14U & 0x3FFFU) + 1;
    } else if (starts(bytes, at, "VP8 ", 4) && header.width == 0) {
      header.width = reader.u16(data + 6) & 0x3FFFU;
      header.height = reader.u16(data + 8) & 0x3FFFU;
    } else if (starts(bytes, at, "EXIF", 4)) {
      header.orientation = exif_orientation(bytes.data() + data, size);
    }
    at = data + size + (size & 1U);
  }
}

void read_tiff(const Bytes& bytes, bool little, PictureHeader& header) {
  constexpr std::uint32_t kWidth = 256, kHeight = 257, kShort = 3;
  const ByteReader reader(bytes.data(), bytes.size(), little);
  if (reader.u16(2) != 42) return;
  const std::size_t folder = reader.u32(4);
  for (std::size_t i = 0; i < reader.u16(folder); ++i) {
    const std::size_t entry = folder + 2 + i * 12;
    const std::uint32_t tag = reader.u16(entry);
    const std::uint32_t value =
        reader.u16(entry + 2) == kShort ? reader.u16(entry + 8) : reader.u32(entry + 8);
    if (tag == kWidth) header.width = value;
    if (tag == kHeight) header.height = value;
  }
  header.may_have_alpha = true;
}

/// "P6 # a comment\n640 480\n255\n"
void read_pnm(const Bytes& bytes, PictureHeader& header) {
  std::size_t at = 2;
  for (std::int64_t* number : {&header.width, &header.height}) {
    while (at < bytes.size() && (std::isspace(bytes[at]) != 0 || bytes[at] == '#')) {
      if (bytes[at] == '#') {
        while (at < bytes.size() && bytes[at] != '\n') ++at;
      } else {
        ++at;
      }
    }
    constexpr std::int64_t kMost = 1'000'000'000;
    for (; at < bytes.size() && std::isdigit(bytes[at]) != 0 && *number < kMost; ++at) {
      *number = *number * 10 + (bytes[at] - '0');
    }
  }
}

/// ISO base media files whose brand is of pictures coded as HEVC or AV1: HEIC, as phones write it, and AVIF.
bool is_heif(const Bytes& bytes) {
  constexpr std::array<const char*, 10> kBrands = {"heic", "heix", "heim", "heis", "hevc",
                                                   "hevx", "mif1", "msf1", "avif", "avis"};
  return starts(bytes, 4, "ftyp", 4) && std::any_of(kBrands.begin(), kBrands.end(), [&](const char* brand) {
           return starts(bytes, 8, brand, 4);
         });
}

}  // namespace

PictureHeader read_picture_header(const std::vector<std::uint8_t>& bytes) {
  PictureHeader header;
  if (starts(bytes, 0, "\xFF\xD8", 2)) {
    header.kind = PictureHeader::Kind::Jpeg;
  } else if (starts(bytes, 0, "\x89PNG\r\n\x1A\n", 8)) {
    header.kind = PictureHeader::Kind::Png;
    read_png(bytes, header);
  } else if (starts(bytes, 0, "RIFF", 4) && starts(bytes, 8, "WEBP", 4)) {
    header.kind = PictureHeader::Kind::WebP;
    read_webp(bytes, header);
  } else if (starts(bytes, 0, "II*\0", 4) || starts(bytes, 0, "MM\0*", 4)) {
    header.kind = PictureHeader::Kind::Tiff;
    read_tiff(bytes, bytes[0] == 'I', header);
  } else if (starts(bytes, 0, "BM", 2) && bytes.size() >= 26) {
    header.kind = PictureHeader::Kind::Bmp;
    const ByteReader reader(bytes.data(), bytes.size(), true);
    header.width = std::abs(static_cast<std::int64_t>(static_cast<std::int32_t>(reader.u32(18))));
    header.height = std::abs(static_cast<std::int64_t>(static_cast<std::int32_t>(reader.u32(22))));
  } else if (bytes.size() > 2 && bytes[0] == 'P' && bytes[1] >= '1' && bytes[1] <= '6') {
    header.kind = PictureHeader::Kind::Pnm;
    read_pnm(bytes, header);
  } else if (starts(bytes, 0, "GIF8", 4)) {
    header.kind = PictureHeader::Kind::Gif;
  } else if (is_heif(bytes)) {
    header.kind = PictureHeader::Kind::Heif;
  }
  return header;
}

}  // namespace embed::faces
