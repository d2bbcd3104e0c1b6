// SPDX-License-Identifier: LGPL-2.1-or-later
// HEIC, as phones write it, and AVIF.
#include <array>
#include <opencv2/core.hpp>
#include <string>
#include <vector>

#include "embed/error.h"
#include "embed/faces/media.h"
#include "expect_error.h"
#include "faces/heif.h"
#include "fixtures.h"

namespace {

using embed::ErrorCode;
using embed::faces::load_image;

// Both are of 64x48 pixels: red and green above, blue and white below. The HEIC one is to be turned by 90
// degrees to the right, of the AVIF one the white quarter is transparent.
constexpr const char* kHeic =
    "0000001c6674797068656963000000006d696631686569636d696166000001b76d657461000000000000002168646c72"
    "000000000000000070696374000000000000000000000000000000000e7069746d000000000002000000106964617400"
    "0000000040003000000038696c6f630100000044400002000100000000000001db000100000000000000d10002000100"
    "0000000000000100000000000000080000003869696e6600000000000200000015696e66650200000100010000687663"
    "310000000015696e666502000000000200006772696400000000e269707270000000bf6970636f000000766876634301"
    "03700000000000000000001ef000fcfdf8f800000f03200001001840010c01ffff03700000030090000003000003001e"
    "ba0240210001002a42010103700000030090000003000003001ea020810596eae4a6b9b8101030200000030020000003"
    "002122000100064401c173c08900000014697370650000000000000040000000400000000969726f7403000000146973"
    "7065000000000000003000000040000000107069786900000000030808080000001b69706d6100000000000000020001"
    "0281020002030304850000001a69726566000000000000000e64696d67000200010001000000d96d646174000000cd28"
    "01af09e02138a9fff22ddfff131d97b9972795a7bf58fffc67cfbcf91ffe349b747e8daf37ff0aa3beecfbfe3817130b"
    "27c5da63bae8ded5a7c2a29afef2e963583a248083b410f319c02ee8f18874a43002cbe59df7670bce571246b9861489"
    "9b2905870c1a0e1ee3ca1c0ef102e6a4fdc59d1dfd2c643ed50e940993003c2207395f773b823f9e57f3f3be8f6b5a25"
    "348cd92f717a02668a1ad9cb6c0011d9ef4635d494bab8a21c439cddb1e98024dc9d77e0e56427d75b2ba9dc7f5af6a4"
    "0a30f0c2c0d9d41be18e2748";
constexpr const char* kAvif =
    "0000001c667479706176696600000000617669666d6966316d696166000001986d657461000000000000002168646c72"
    "000000000000000070696374000000000000000000000000000000000e7069746d00000000000100000034696c6f6300"
    "0000004440000200020000000001bc0001000000000000002200010000000001de000100000000000000310000003869"
    "696e6600000000000200000015696e66650200000000010000617630310000000015696e666502000000000200006176"
    "303100000000d769707270000000b16970636f00000013636f6c726e636c78000200020006800000000c617631438100"
    "1c0000000014697370650000000000000040000000300000000e70697869000000000108000000386175784300000000"
    "75726e3a6d7065673a6d706567423a636963703a73797374656d733a617578696c696172793a616c706861000000000c"
    "6176314381000c000000001469737065000000000000004000000030000000107069786900000000030808080000001e"
    "69706d61000000000000000200010481860788000204820384850000001a69726566000000000000000e6175786c0002"
    "000100010000005b6d64617412000a0618157fbd854032164590061850b4906d78148096d90d52e6a1036a654ec01200"
    "0a0918157fbd8204040d08322245900186186100b86796767c6930b7e0cdf8db0d06e641b63e178527e3aaa393c620";

std::string bytes_of(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return bytes;
}

/// A file of these bytes.
std::string written(const std::string& name, const std::string& bytes) {
  const std::string path = fixtures::temp_dir() + "/" + name;
  fixtures::write_bytes(path, bytes);
  return path;
}

class Heif : public testing::Test {
 protected:
  void SetUp() override {
    if (!embed::faces::reads_heif()) GTEST_SKIP() << "built without libheif";
  }
};

/// The quarters' middles are of these colours, red, green and blue: above left, above right, below left and
/// below right.
void expect_quarters(const embed::ImageView& view, const std::array<std::array<int, 3>, 4>& colours) {
  ASSERT_EQ(view.format, embed::PixelFormat::Bgr);
  for (int quarter = 0; quarter < 4; ++quarter) {
    const int x = view.width * (1 + 2 * (quarter % 2)) / 4, y = view.height * (1 + 2 * (quarter / 2)) / 4;
    const std::uint8_t* pixel = view.planes[0] + y * view.strides[0] + 3 * x;
    for (int channel = 0; channel < 3; ++channel)
      EXPECT_NEAR(pixel[2 - channel], colours.at(quarter).at(channel), 16) << quarter << " " << channel;
  }
}

constexpr std::array<int, 3> kRed{220, 30, 30}, kGreen{30, 200, 40}, kBlue{30, 40, 220},
    kWhite{240, 240, 240}, kGrey{128, 128, 128};

TEST_F(Heif, HeicIsTurnedAsItSays) {
  const auto picture = load_image(written("phone.HEIC", bytes_of(kHeic)));
  ASSERT_EQ(picture.view().width, 48);
  ASSERT_EQ(picture.view().height, 64);
  expect_quarters(picture.view(), {kBlue, kRed, kWhite, kGreen});
}

TEST_F(Heif, WhatIsTransparentInAnAvifIsGrey) {
  // What a file is its bytes say, whatever its name.
  const auto picture = load_image(written("other.jpg", bytes_of(kAvif)));
  ASSERT_EQ(picture.view().width, 64);
  expect_quarters(picture.view(), {kRed, kGreen, kBlue, kGrey});
}

TEST_F(Heif, DamagedOnesAreNamed) {
  const std::string whole = bytes_of(kHeic);
  for (const std::size_t length : {std::size_t{24}, whole.size() / 2, whole.size() - 20})
    expect_error(ErrorCode::Format, {"cut.heic", "damaged"},
                 [&] { load_image(written("cut.heic", whole.substr(0, length))); });
  std::string other = whole;
  // Bytes in the header and in the pixels: an error or a picture.
  for (std::size_t i = 0; i < other.size(); i += 3) {
    char& byte = other[i];
    byte = static_cast<char>(~byte);
    try {
      load_image(written("bent.heic", other));
    } catch (const embed::Error& error) {
      EXPECT_NE(std::string(error.what()).find("bent.heic"), std::string::npos);
    }
    byte = static_cast<char>(~byte);
  }
}

TEST_F(Heif, ALimitOfPixels) {
  const std::string path = written("large.heic", bytes_of(kHeic));
  expect_error(ErrorCode::Format, {"large.heic", "48x64"}, [&] {
    const std::string whole = bytes_of(kHeic);
    embed::faces::decode_heif({whole.begin(), whole.end()}, path, 3071);
  });
}

TEST_F(Heif, PathsOfThem) {
  for (const char* path : {"a.heic", "b.HEIF", "c.Avif"}) EXPECT_TRUE(embed::faces::is_image_path(path));
}

}  // namespace
