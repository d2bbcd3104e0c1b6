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

// Red and green above, blue and white below. The HEIC one has 128x64 pixels and is to be turned by 90 degrees
// to the right; the AVIF one has 64x48, and its white quarter is transparent.
constexpr const char* kHeic =
    "0000001c6674797068656963000000006d696631686569636d6961660000014c6d657461000000000000002168646c72"
    "000000000000000070696374000000000000000000000000000000000e7069746d00000000000100000022696c6f6300"
    "000000444000010001000000000170000100000000000000950000002369696e6600000000000100000015696e666502"
    "000000000100006876633100000000cc69707270000000ad6970636f0000007868766343010370000000000000000000"
    "1ef000fcfdf8f800000f03200001001840010c01ffff03700000030090000003000003001eba0240210001002b420101"
    "03700000030090000003000003001ea010204165ba924a6b9b81010302000003000200000300021022000100074401c1"
    "72b022400000001469737065000000000000008000000040000000107069786900000000030808080000000969726f74"
    "030000001769706d610000000000000001000104810283840000009d6d646174000000912801af09e02139755ffffc82"
    "3ffffc623721fc0a207504dbfff49f8c77f8be0bfffbc83ba4b15d1b27320628eb7c94d23841ef3650a8d1c3253102c1"
    "913891c8f1a4d40bda23e98da8908918cb5f87011701372ba9f34230d0fa058244af0f94529bd507a789dcdae8644a07"
    "9a43fd489a89f886a57f859abffc651b61f346d8febd4437fdfb5a7fcd088cdffff08a7f80";
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
  ASSERT_EQ(picture.view().width, 64);
  ASSERT_EQ(picture.view().height, 128);
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
  try {
    load_image(written("cut.heic", whole.substr(0, whole.size() - 20)));
  } catch (const embed::Error& error) {
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << "one line, whatever libheif says";
  }
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
  expect_error(ErrorCode::Format, {"large.heic", "64x128"}, [&] {
    const std::string whole = bytes_of(kHeic);
    embed::faces::decode_heif({whole.begin(), whole.end()}, path, 8191);
  });
}

TEST_F(Heif, PathsOfThem) {
  for (const char* path : {"a.heic", "b.HEIF", "c.Avif"}) EXPECT_TRUE(embed::faces::is_image_path(path));
}

}  // namespace
