// SPDX-License-Identifier: LGPL-2.1-or-later
// What picture files say beside their pixels: how they are turned, how large they are, what is transparent,
// and whether they are whole.
#include <zlib.h>

// libjpeg's header uses size_t and FILE without including what declares them.
#include <cstddef>
#include <cstdio>
#include <cstdlib>

#include <jpeglib.h>

#include <opencv2/imgcodecs.hpp>
#include <utility>

#include "embed/faces/media.h"
#include "expect_error.h"
#include "fixtures.h"

namespace {

using embed::ErrorCode;
using embed::ImageView;
using embed::PixelFormat;
using embed::faces::load_image;
using Bytes = std::vector<std::uint8_t>;

std::string in_temp(const std::string& name) {
  return fixtures::temp_dir() + "/" + name;
}

cv::Mat header(const ImageView& view) {
  return cv::Mat(view.height, view.width, view.format == PixelFormat::Gray8 ? CV_8UC1 : CV_8UC3,
                 const_cast<std::uint8_t*>(view.planes[0]), static_cast<std::size_t>(view.strides[0]));
}

/// The bytes of a painted picture in a file of that name.
Bytes painted(const std::string& name) {
  embed::faces::save_image(in_temp(name), fixtures::make_image(PixelFormat::Bgr, 200, 150).view());
  return fixtures::read_bytes(in_temp(name));
}

void append(Bytes& bytes, const Bytes& more) {
  bytes.insert(bytes.end(), more.begin(), more.end());
}

Bytes big_endian(std::uint32_t value) {
  return {static_cast<std::uint8_t>(value >> 24U), static_cast<std::uint8_t>(value >> 16U),
          static_cast<std::uint8_t>(value >> 8U), static_cast<std::uint8_t>(value)};
}

Bytes little_endian(std::uint32_t value) {
  const Bytes big = big_endian(value);
  return {big.rbegin(), big.rend()};
}

/// A PNG's part: its length, `named` (four letters and the data), its checksum.
Bytes chunk(const Bytes& named) {
  Bytes bytes = big_endian(static_cast<std::uint32_t>(named.size() - 4));
  append(bytes, named);
  append(bytes,
         big_endian(static_cast<std::uint32_t>(crc32(0, named.data(), static_cast<uInt>(named.size())))));
  return bytes;
}

/// EXIF of one entry: how the picture is to be turned.
Bytes exif_of(int orientation) {
  return {'M', 'M',  0, 42, 0, 0, 0, 8, 0, 1,
          1,   0x12, 0, 3,  0, 0, 0, 1, 0, static_cast<std::uint8_t>(orientation),
          0,   0,    0, 0,  0, 0};
}

Bytes jpeg_with(const Bytes& plain, const Bytes& exif) {
  Bytes segment = {0xFF, 0xE1, 0, static_cast<std::uint8_t>(8 + exif.size()), 'E', 'x', 'i', 'f', 0, 0};
  append(segment, exif);
  Bytes bytes = plain;
  bytes.insert(bytes.begin() + 2, segment.begin(), segment.end());
  return bytes;
}

Bytes png_with(const Bytes& plain, const Bytes& exif) {
  constexpr std::ptrdiff_t kBehindHeader = 8 + 25;
  Bytes named = {'e', 'X', 'I', 'f'};
  append(named, exif);
  const Bytes part = chunk(named);
  Bytes bytes = plain;
  bytes.insert(bytes.begin() + kBehindHeader, part.begin(), part.end());
  return bytes;
}

/// The simple format made the extended one, which may hold EXIF.
Bytes webp_with(const Bytes& plain, const Bytes& exif, int width, int height) {
  Bytes body = {'W', 'E', 'B', 'P', 'V', 'P', '8', 'X', 10, 0, 0, 0, 0x08, 0, 0, 0};
  append(body, {static_cast<std::uint8_t>(width - 1), 0, 0, static_cast<std::uint8_t>(height - 1), 0, 0});
  body.insert(body.end(), plain.begin() + 12, plain.end());
  append(body, {'E', 'X', 'I', 'F'});
  append(body, little_endian(static_cast<std::uint32_t>(exif.size())));
  append(body, exif);
  Bytes bytes = {'R', 'I', 'F', 'F'};
  append(bytes, little_endian(static_cast<std::uint32_t>(body.size())));
  append(bytes, body);
  return bytes;
}

/// Grey, uncompressed, with the tag `Orientation`.
Bytes tiff_with(const cv::Mat& picture, int orientation) {
  const auto number = [](std::size_t value) { return static_cast<std::uint32_t>(value); };
  constexpr std::uint32_t kShort = 3, kLong = 4, kEntries = 9, kPixels = 8 + 2 + kEntries * 12 + 4;
  const std::uint32_t entries[kEntries][3] = {{256, kShort, number(picture.cols)},
                                              {257, kShort, number(picture.rows)},
                                              {258, kShort, 8},
                                              {259, kShort, 1},
                                              {262, kShort, 1},
                                              {273, kLong, kPixels},
                                              {274, kShort, number(orientation)},
                                              {278, kShort, number(picture.rows)},
                                              {279, kLong, number(picture.total())}};
  Bytes bytes = {'I', 'I', 42, 0, 8, 0, 0, 0, kEntries, 0};
  for (const auto& [tag, type, value] : entries) {
    append(bytes, {static_cast<std::uint8_t>(tag), static_cast<std::uint8_t>(tag >> 8U),
                   static_cast<std::uint8_t>(type), 0});
    append(bytes, little_endian(1));
    append(bytes, little_endian(value));
  }
  append(bytes, {0, 0, 0, 0});
  bytes.insert(bytes.end(), picture.data, picture.data + picture.total());
  return bytes;
}

/// What a camera stores of `seen`, so that this orientation shows it: the inverse of EXIF's table.
cv::Mat stored_as(const cv::Mat& seen, int orientation) {
  cv::Mat stored = seen.clone();
  if (orientation == 2) cv::flip(seen, stored, 1);
  if (orientation == 3) cv::flip(seen, stored, -1);
  if (orientation == 4) cv::flip(seen, stored, 0);
  if (orientation == 5) cv::transpose(seen, stored);
  if (orientation == 6) cv::rotate(seen, stored, cv::ROTATE_90_COUNTERCLOCKWISE);
  if (orientation == 7) {
    cv::transpose(seen, stored);
    cv::flip(stored.clone(), stored, -1);
  }
  if (orientation == 8) cv::rotate(seen, stored, cv::ROTATE_90_CLOCKWISE);
  return stored;
}

TEST(PictureFormats, EachIsTurnedAsItSays) {
  // White at the left, grey at the top of the rest: no turn of it looks like another.
  cv::Mat seen(16, 32, CV_8UC1, cv::Scalar(0));
  seen(cv::Rect(8, 0, 24, 8)).setTo(128);
  seen(cv::Rect(0, 0, 8, 16)).setTo(255);
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const cv::Mat stored = stored_as(seen, orientation);
    const auto encoded = [&](const char* extension) {
      Bytes bytes;
      cv::imencode(extension, stored, bytes, {cv::IMWRITE_JPEG_QUALITY, 100});
      return bytes;
    };
    const Bytes exif = exif_of(orientation);
    fixtures::write_bytes(in_temp("o.jpg"), jpeg_with(encoded(".jpg"), exif));
    fixtures::write_bytes(in_temp("o.png"), png_with(encoded(".png"), exif));
    fixtures::write_bytes(in_temp("o.webp"), webp_with(encoded(".webp"), exif, stored.cols, stored.rows));
    fixtures::write_bytes(in_temp("o.tif"), tiff_with(stored, orientation));
    for (const char* name : {"o.jpg", "o.png", "o.webp", "o.tif"}) {
      const auto loaded = load_image(in_temp(name));
      cv::Mat grey = header(loaded.view());
      ASSERT_EQ(grey.size(), seen.size()) << name << " " << orientation;
      if (grey.channels() == 3) cv::extractChannel(grey, grey, 1);
      EXPECT_LT(cv::norm(grey, seen, cv::NORM_L1) / 512, 6) << name << " " << orientation;
    }
  }
}

TEST(PictureFormats, DamagedExifIsUpright) {
  const Bytes plain = painted("plain.jpg");
  for (std::size_t keep = 0; keep < 20; ++keep) {
    Bytes exif = exif_of(6);
    exif.resize(keep);
    fixtures::write_bytes(in_temp("o.jpg"), jpeg_with(plain, exif));
    EXPECT_EQ(load_image(in_temp("o.jpg")).view().width, 200) << keep;
  }
}

TEST(PictureFormats, WhatIsTransparentIsGrey) {
  for (const auto& [alpha, red] : {std::pair(255, 30), {40, (30 * 40 + 128 * 215) / 255}, {0, 128}}) {
    for (const char* name : {"alpha.png", "alpha.webp", "alpha.tif"}) {
      const std::vector<int> lossless = {cv::IMWRITE_WEBP_QUALITY, 101};
      ASSERT_TRUE(
          cv::imwrite(in_temp(name), cv::Mat(8, 8, CV_8UC4, cv::Scalar(10, 20, 30, alpha)), lossless));
      const auto seen = load_image(in_temp(name));
      EXPECT_EQ(seen.view().format, PixelFormat::Bgr);
      // WebP may drop colours that nobody sees.
      EXPECT_NEAR(seen.view().planes[0][2], red, 1) << name << " " << alpha;
    }
  }
  ASSERT_TRUE(cv::imwrite(in_temp("deep.png"), cv::Mat(8, 8, CV_16UC4, cv::Scalar(0, 0, 0xFFFF, 0xFFFF))));
  EXPECT_EQ(load_image(in_temp("deep.png")).view().planes[0][2], 255);
}

TEST(PictureFormats, ThoseThatLostPixelsAreRefused) {
  const Bytes jpeg = painted("whole.jpg");
  Bytes half(jpeg.begin(), jpeg.begin() + static_cast<std::ptrdiff_t>(jpeg.size() / 2));
  append(half, {0xFF, 0xD9});  // As recovery programs end it.
  fixtures::write_bytes(in_temp("half.jpg"), half);
  expect_error(ErrorCode::Format, {"half.jpg", "damaged"}, [] { load_image(in_temp("half.jpg")); });

  Bytes png = painted("whole.png");
  png[png.size() / 2] ^= 0x40U;
  fixtures::write_bytes(in_temp("flipped.png"), png);
  expect_error(ErrorCode::Format, {"flipped.png", "IDAT"}, [] { load_image(in_temp("flipped.png")); });

  Bytes webp = painted("whole.webp");
  webp.resize(webp.size() * 3 / 4);
  fixtures::write_bytes(in_temp("cut.webp"), webp);
  expect_error(ErrorCode::Format, {"cut.webp"}, [] { load_image(in_temp("cut.webp")); });
}

TEST(PictureFormats, WhatTheDecoderMendsIsTold) {
  Bytes jpeg = painted("whole.jpg");
  const Bytes garbage = {1, 2, 3};
  const std::ptrdiff_t behind_first = 2 + 2 + jpeg[4] * 256 + jpeg[5];  // Between two segments.
  jpeg.insert(jpeg.begin() + behind_first, garbage.begin(), garbage.end());
  fixtures::write_bytes(in_temp("garbage.jpg"), jpeg);
  testing::internal::CaptureStderr();
  const auto loaded = load_image(in_temp("garbage.jpg"));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "") << "a library never prints";
  EXPECT_NE(loaded.warning().find("extraneous bytes"), std::string::npos) << loaded.warning();
  EXPECT_EQ(load_image(in_temp("whole.jpg")).warning(), "");
}

/// A JPEG of 16×16 pixels of four inks, as Adobe writes it: what is 255 there has no ink.
Bytes of_inks(const std::array<std::uint8_t, 4>& inks) {
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* written = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &written, &size);
  info.image_width = info.image_height = 16;
  info.input_components = 4;
  info.in_color_space = JCS_CMYK;
  jpeg_set_defaults(&info);
  jpeg_start_compress(&info, TRUE);
  Bytes row;
  for (int x = 0; x < 16; ++x) row.insert(row.end(), inks.begin(), inks.end());
  JSAMPROW rows[] = {row.data()};
  while (info.next_scanline < info.image_height) jpeg_write_scanlines(&info, rows, 1);
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  const Bytes bytes(written, written + size);
  std::free(written);
  return bytes;
}

TEST(PictureFormats, JpegsOfFourInksHaveTheirColours) {
  fixtures::write_bytes(in_temp("inks.jpg"), of_inks({200, 90, 30, 255}));
  const auto picture = load_image(in_temp("inks.jpg"));
  EXPECT_LE(cv::norm(header(picture.view()).at<cv::Vec3b>(8, 8), cv::Vec3b(30, 90, 200), cv::NORM_INF), 3);
}

TEST(PictureFormats, ProgressiveJpegsAreThePicture) {
  const auto image = fixtures::make_image(PixelFormat::Bgr, 200, 150);
  for (const int progressive : {0, 1}) {
    Bytes bytes;
    cv::imencode(".jpg", header(image.view()), bytes, {cv::IMWRITE_JPEG_PROGRESSIVE, progressive});
    fixtures::write_bytes(in_temp("progressive.jpg"), bytes);
    const auto picture = load_image(in_temp("progressive.jpg"));
    EXPECT_LE(cv::norm(header(picture.view()), header(image.view()), cv::NORM_L1) / (200 * 150 * 3), 3.0);
  }
}

TEST(PictureFormats, TiffOfFloatingPointNumbersIsRefusedByName) {
  Bytes bytes;
  cv::imencode(".tiff", cv::Mat(20, 30, CV_32FC3, cv::Scalar::all(0.5)), bytes);
  fixtures::write_bytes(in_temp("float.tiff"), bytes);
  expect_error(ErrorCode::Format, {"float.tiff", "convert it"}, [] { load_image(in_temp("float.tiff")); });
}

TEST(PictureFormats, LargeOnesAreReducedOrRefusedByTheirHeader) {
  const cv::Mat large(40, 60, CV_8UC3, cv::Scalar(50, 100, 150));
  for (const char* name : {"l.png", "l.webp", "l.tif", "l.bmp", "l.ppm"}) {
    ASSERT_TRUE(cv::imwrite(in_temp(name), large));
    EXPECT_EQ(load_image(in_temp(name), 0).view().width, 60) << name;
    EXPECT_EQ(load_image(in_temp(name), 2400).view().width, 60) << name;
    expect_error(ErrorCode::Format, {name, "60x40"}, [&] { load_image(in_temp(name), 2399); });
  }
  ASSERT_TRUE(cv::imwrite(in_temp("l.jpg"), large));
  EXPECT_EQ(load_image(in_temp("l.jpg"), 2400).view().width, 60);
  EXPECT_EQ(load_image(in_temp("l.jpg"), 2399).view().width, 30);
  EXPECT_EQ(load_image(in_temp("l.jpg"), 100).view().width, 8);
  EXPECT_NEAR(load_image(in_temp("l.jpg"), 100).view().planes[0][2], 150, 3);
  expect_error(ErrorCode::Format, {"l.jpg", "8x5"}, [] { load_image(in_temp("l.jpg"), 30); });
}

TEST(PictureFormats, ASmallFileThatSaysThatItIsHugeTakesNoMemory) {
  Bytes frame = {'I', 'H', 'D', 'R'};
  append(frame, big_endian(30000));
  append(frame, big_endian(30000));
  append(frame, {8, 2, 0, 0, 0});
  Bytes png = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
  append(png, chunk(frame));
  append(png, chunk({'I', 'E', 'N', 'D'}));
  fixtures::write_bytes(in_temp("bomb.png"), png);
  expect_error(ErrorCode::Format, {"bomb.png", "30000x30000", "900 megapixels", "max-megapixels"},
               [] { load_image(in_temp("bomb.png")); });
}

}  // namespace
